// The form that selects crashes, and the links to the rest of them.

import { type Html, html } from './html.ts';
import { type Asked, isFiltered, shifted } from './selection.ts';
import { MAX_OFFERED_HOSTS } from './views.ts';
import { VERDICTS } from '../triage.ts';
import { CATEGORIES } from '../vmcore/index.ts';
import { VERDICT_NAMES, categoryName } from '../wording.ts';

/** Filters that are asked for less often. */
const MORE = ['since', 'until', 'verdict', 'kernel', 'model', 'signature'] as const;

/** @param hosts that crashed. */
export function filterForm(hosts: readonly string[], asked: Asked): Html {
  const { given } = asked;
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
    ${isFiltered(asked) ? html`<a href="?">Show all</a>` : undefined}
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
 * Links to what comes before and after.
 *
 * @param words for the two links.
 */
export function pager(
  matching: number,
  asked: Asked,
  [before, after]: readonly [string, string],
): Html | undefined {
  const { offset, limit } = asked.selection;
  const isFirst = offset === 0;
  const isLast = offset + limit >= matching;
  if (isFirst && isLast) return undefined;
  return html`<nav aria-label="Pages">
    <ul>
      ${isFirst ? undefined : html`<li><a rel="prev" href="${shifted(asked, -limit)}">${before}</a></li>`}
      ${isLast ? undefined : html`<li><a rel="next" href="${shifted(asked, limit)}">${after}</a></li>`}
    </ul>
  </nav>`;
}

/** `120 of 5000 crashes, 51 to 100 shown`. */
export function range(
  what: string,
  {
    all,
    matching,
    shown,
  }: { readonly all: number; readonly matching: number; readonly shown: number },
  { selection: { offset } }: Asked,
): string {
  const some = matching === all ? `${all}` : `${matching} of ${all}`;
  return shown === matching
    ? `${some} ${what}`
    : `${some} ${what}, ${offset + 1} to ${offset + shown} shown`;
}
