// Joins the findings of one error by the rules in merge-rules.ts. All rules are applied in the same way, with
// a limited number of comparisons per finding.

import type { Finding, Kind } from './finding.ts';
import { RULES, type Rule } from './merge-rules.ts';

/** Maximum number of waiting findings compared, newest first. */
const LOOKS = 8;

/**
 * @param findings in the order of their first lines.
 * @returns the findings of each error; errors in the order of their first findings.
 */
export function merge(
  findings: readonly Finding[],
  pageSize: number,
): readonly (readonly Finding[])[] {
  const merger = new Merger(pageSize);
  for (const finding of findings) merger.add(finding);
  return merger.groups();
}

interface Group {
  readonly findings: Finding[];
  readonly kinds: Set<Kind>;
}

class Merger {
  readonly #pageSize: number;
  readonly #rules: readonly { readonly rule: Rule; readonly waiting: Map<string, Finding[]> }[] =
    RULES.map((rule) => ({ rule, waiting: new Map() }));
  readonly #groupOf = new Map<Finding, Group>();

  constructor(pageSize: number) {
    this.#pageSize = pageSize;
  }

  groups(): readonly (readonly Finding[])[] {
    return [...new Set(this.#groupOf.values())].map(({ findings }) => findings);
  }

  add(finding: Finding): void {
    this.#groupOf.set(finding, { findings: [finding], kinds: new Set([finding.kind]) });
    for (const { rule, waiting } of this.#rules) {
      const key = rule.seeks(finding, this.#pageSize);
      const earlier = key === null ? undefined : waiting.get(key);
      if (earlier !== undefined) this.#join(finding, rule, earlier);
    }
    for (const { rule, waiting } of this.#rules) {
      const key = rule.waits(finding, this.#pageSize);
      if (key === null) continue;
      const others = waiting.get(key);
      if (others === undefined) waiting.set(key, [finding]);
      else others.push(finding);
    }
  }

  #join(finding: Finding, rule: Rule, waiting: Finding[]): void {
    const end = Math.max(waiting.length - LOOKS, 0);
    for (let at = waiting.length - 1; at >= end; at--) {
      const earlier = waiting[at];
      if (earlier === undefined || !this.#joins(earlier, finding, rule)) continue;
      if (rule.once === true) waiting.splice(at, 1);
      this.#unite(earlier, finding);
      if (rule.all !== true) return;
    }
  }

  #joins(earlier: Finding, later: Finding, rule: Rule): boolean {
    if (Math.abs(later.time - earlier.lastTime) > rule.seconds) return false;
    if (rule.fits?.(earlier, later, this.#pageSize) === false) return false;
    const one = this.#groupOf.get(earlier);
    const other = this.#groupOf.get(later);
    if (one === undefined || other === undefined || one === other) return true;
    // Each source prints an error once in each way; a repetition is a second error.
    return ![...other.kinds].some((kind) => one.kinds.has(kind) && !repeats(rule, kind));
  }

  #unite(earlier: Finding, later: Finding): void {
    const one = this.#groupOf.get(earlier);
    const other = this.#groupOf.get(later);
    if (one === undefined || other === undefined || one === other) return;
    const [into, from] = one.findings.length >= other.findings.length ? [one, other] : [other, one];
    for (const finding of from.findings) {
      into.findings.push(finding);
      into.kinds.add(finding.kind);
      this.#groupOf.set(finding, into);
    }
  }
}

function repeats(rule: Rule, kind: Kind): boolean {
  return kind === 'note' || rule.repeats?.includes(kind) === true;
}
