// One crash on a page: its verdict, its facts, its counters.

import { type Html, html } from './html.ts';
import { logFacts } from './log-section.ts';
import { timeline } from './timeline.ts';
import type { CategoryView, CrashView } from './views.ts';
import type { Verdict, VerdictKind } from '../triage.ts';
import { ago, categoryName, date, isoDate, lead, span, verdictText } from '../wording.ts';

const TONES: Readonly<Record<VerdictKind, 'bad' | 'warn' | 'ok' | ''>> = {
  hardware_panic: 'bad',
  suspect: 'bad',
  logged_suspect: 'bad',
  earlier: 'warn',
  logged_earlier: 'warn',
  clock_set: 'warn',
  undated: 'warn',
  logged_undated: 'warn',
  machine_check_taint: 'warn',
  clean: 'ok',
  log_clean: '',
  unknown: '',
};

/**
 * Returns the CSS class of a verdict. Counters do not include fatal errors, so `clean` without a log is not
 * `ok`.
 */
export function toneOf({ kind, restsOn }: Verdict): string {
  return kind === 'clean' && !restsOn.includes('log') ? '' : TONES[kind];
}

/** The configuration and time that a card depends on. */
export interface CardOptions {
  readonly nowSeconds: number;
  readonly suspectWindowSeconds: number;
}

/** Returns a crash in a list: its verdict, with a link to its page, and its facts. */
export function card(crash: CrashView, options: CardOptions): Html {
  const { id, verdict } = crash;
  return html`<article class="${toneOf(verdict)}" data-id="${id}">
    <h3><a href="crash/${encodeURIComponent(id)}">${verdictText(verdict)}</a></h3>
    ${crashFacts(crash, options)}
    ${crash.hwerr.kind === 'present' ? counters(crash.hwerr.categories, options.suspectWindowSeconds) : undefined}
    <p class="dim">
      <a href="api/v1/crashes/${encodeURIComponent(id)}"
        >JSON<span class="wide"> of crash ${id}</span></a
      >
    </p>
  </article> `;
}

/** Returns the facts about a crash other than its errors. */
export function crashFacts(crash: CrashView, { nowSeconds }: CardOptions): Html {
  const { host, crashTimeSeconds, kernelRelease, arch, panicMessage, dumps } = crash;
  return html`<dl>
    <dt>Host</dt>
    <dd><strong>${host}</strong></dd>
    <dt>Crashed</dt>
    <dd>
      ${crashTimeSeconds === null ? 'unknown: the dump has no time of the crash' : when(crashTimeSeconds, nowSeconds)}
    </dd>
    <dt>Kernel</dt>
    <dd>${kernelRelease} (${arch})</dd>
    ${
      panicMessage === null
        ? undefined
        : html`<dt>Panic</dt>
            <dd><code class="panic" tabindex="0">${panicMessage}</code></dd>`
    }
    ${logFacts(crash)}
    ${dumps.map(
      ({ path, present }) =>
        html`<dt>Dump</dt>
          <dd>
            <code>${path}</code>
            ${present ? html`<span>on disk</span>` : html`<span class="gone">no longer on disk</span>`}
          </dd>`,
    )}
    ${
      crash.incomplete
        ? html`<dt>Note</dt>
            <dd>The dump is incomplete: it broke off while it was written.</dd>`
        : undefined
    }
  </dl>`;
}

/** Returns the kernel's counters and the time of the last error of each category. */
export function counters(categories: readonly CategoryView[], windowSeconds: number): Html {
  const placed = categories.flatMap(({ category, leadSeconds }) =>
    leadSeconds === null || leadSeconds < 0 ? [] : [{ category, leadSeconds }],
  );
  const labels = placed.map(
    ({ category, leadSeconds }) => `${categoryName(category)} ${span(leadSeconds)}`,
  );
  const picture = timeline(
    placed.map(({ category, leadSeconds }) => ({
      name: category,
      errors: [{ leadSeconds, isSuspect: true }],
    })),
    windowSeconds,
    `Last errors before the panic: ${labels.join(', ')}`,
  );
  return html`${
      picture &&
      html`<figure>
        ${picture}
        <figcaption>
          Last error of each category before the panic, logarithmic; the shaded part is the suspect
          window of ${span(windowSeconds)}.
        </figcaption>
      </figure>`
    }
    <table>
      <caption>
        Hardware errors this kernel survived, from boot to panic
      </caption>
      <thead>
        <tr>
          <th scope="col">Category</th>
          <th scope="col" class="count">Errors</th>
          <th scope="col">Last, before the panic</th>
          <th scope="col" class="wide">Last, when</th>
        </tr>
      </thead>
      <tbody>
        ${categories.map((category) => counterRow(category, windowSeconds))}
      </tbody>
    </table>`;
}

function counterRow(view: CategoryView, windowSeconds: number): Html {
  const { category, count, lastErrorTimestampSeconds: last, leadSeconds: seconds } = view;
  const near = seconds !== null && seconds >= 0 && seconds <= windowSeconds;
  return html`<tr class="${count === 0 ? 'zero' : ''}">
    <th scope="row">${category}</th>
    <td class="count">${count}</td>
    <td class="${near ? 'near' : ''}">${last === null ? 'never' : lead(view)}</td>
    <td class="wide">${last === null ? '' : date(last)}</td>
  </tr>`;
}

/** Returns a date and how long ago it was. */
export function when(seconds: number, nowSeconds: number): Html {
  const iso = isoDate(seconds);
  const text = html`${date(seconds)} (${ago(seconds, nowSeconds)})`;
  return iso === undefined ? text : html`<time datetime="${iso}">${text}</time>`;
}
