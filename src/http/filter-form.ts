// The form that filters crashes, and the links to the other pages of a list.

import { type Html, html } from './html.ts';
import { type CrashQuery, isFiltered, shifted } from './selection.ts';
import { MAX_OFFERED_HOSTS } from './views.ts';
import { VERDICTS } from '../triage.ts';
import { CATEGORIES } from '../vmcore/index.ts';
import { VERDICT_NAMES, categoryName } from '../wording.ts';

/** Filters that are used less often. */
const MORE = ['since', 'until', 'verdict', 'kernel', 'model', 'signature'] as const;

/** @param hosts with crashes, offered as completions. */
export function filterForm(hosts: readonly string[], query: CrashQuery): Html {
  const { given } = query;
  const isOpen = MORE.some((name) => given[name] !== undefined);
  return html`<form method="get" role="search" aria-label="Filter crashes">
    <label
      >Host <input name="host" list="hosts" value="${given.host ?? ''}" autocomplete="off"
    /></label>
    <datalist id="hosts">
      ${hosts.slice(0, MAX_OFFERED_HOSTS).map((name) => html`<option value="${name}"></option>`)}
    </datalist>
    <label
      >With errors of
      <select name="category">
        <option value="">any category</option>
        ${CATEGORIES.map((name) => option(name, categoryName(name), given.category))}
      </select></label
    >
    <details ${isOpen ? html`open` : undefined}>
      <summary>More filters</summary>
      <label
        >Verdict
        <select name="verdict">
          <option value="">any verdict</option>
          ${option('hardware', VERDICT_NAMES.hardware, given.verdict)}
          ${VERDICTS.map((kind) => option(kind, VERDICT_NAMES[kind], given.verdict))}
        </select></label
      >
      ${field('since', 'Since', '7d or 2026-10-03', given.since)}
      ${field('until', 'Before', '1d or 2026-10-04', given.until)}
      ${field('kernel', 'Kernel release', '', given.kernel)}
      ${field('model', 'Hardware model', '', given.model)}
      ${field('signature', 'Signature', '', given.signature)}
    </details>
    ${(['sort', 'limit'] as const).map((name) =>
      given[name] === undefined
        ? ''
        : html`<input type="hidden" name="${name}" value="${given[name]}" />`,
    )}
    <button>Filter</button>
    ${isFiltered(query) ? html`<a href="?">Show all</a>` : undefined}
  </form>`;
}

function option(value: string, text: string, chosen: string | undefined): Html {
  return html`<option value="${value}" ${value === chosen ? html`selected` : undefined}>
    ${text}
  </option>`;
}

function field(name: string, label: string, example: string, value: string | undefined): Html {
  return html`<label
    >${label}
    <input name="${name}" value="${value ?? ''}" placeholder="${example}" autocomplete="off"
  /></label>`;
}

/**
 * Returns links to the previous and next page; undefined if there is only one page.
 *
 * @param words texts of the two links.
 */
export function pager(
  matching: number,
  query: CrashQuery,
  [before, after]: readonly [string, string],
): Html | undefined {
  const { offset, limit } = query.selection;
  const isFirst = offset === 0;
  const isLast = offset + limit >= matching;
  if (isFirst && isLast) return undefined;
  return html`<nav aria-label="Pages">
    <ul>
      ${isFirst ? undefined : html`<li><a rel="prev" href="${shifted(query, -limit)}">${before}</a></li>`}
      ${isLast ? undefined : html`<li><a rel="next" href="${shifted(query, limit)}">${after}</a></li>`}
    </ul>
  </nav>`;
}

/** Returns a text such as `120 of 5000 crashes, 51 to 100 shown`. */
export function range(
  what: string,
  {
    all,
    matching,
    shown,
  }: { readonly all: number; readonly matching: number; readonly shown: number },
  { selection: { offset } }: CrashQuery,
): string {
  const some = matching === all ? `${all}` : `${matching} of ${all}`;
  return shown === matching
    ? `${some} ${what}`
    : `${some} ${what}, ${offset + 1} to ${offset + shown} shown`;
}
