// The status page at /: what an SRE needs at 3 a.m., newest crash first. No scripts, no external resources;
// html`` escapes all text from dumps.

import { type Html, html } from './html.ts';
import { card, when } from './card.ts';
import { document } from './document.ts';
import { filterForm, pager, range } from './filter-form.ts';
import type { CrashQuery } from './selection.ts';
import type { Shard } from '../shard.ts';
import { stateList } from './state.ts';
import type { FailureView, StatusView, ThisBootView } from './views.ts';
import { advice, ago, date } from '../wording.ts';

/** The configuration that the page shows. */
export interface PageOptions {
  readonly version: string;
  readonly telemetryPath: string;
  readonly mode: 'node' | 'central';
  readonly suspectWindowSeconds: number;
  /** The shard of this collector, which shows only its hosts; undefined: all hosts. */
  readonly shard?: Shard | undefined;
}

/** The configuration and time that a page depends on. */
export interface PageContext extends PageOptions {
  readonly nowSeconds: number;
}

/** Returns the page as HTML. */
export function statusPage(view: StatusView, query: CrashQuery, context: PageContext): string {
  const { crashes, matching } = view;
  return document(
    'hwerr-exporter: kernel crashes and the hardware errors before them',
    html`<header>
        <a class="skip" href="#crashes">Skip to the crashes</a>
        <h1>hwerr-exporter</h1>
        <p class="dim">
          Hardware errors that Linux survived before it crashed, read from its kdump dumps.
        </p>
      </header>
      <main>
        ${stateList(view, context)} ${thisBoot(view.thisBoot, context)}
        <h2 id="crashes">Crashes</h2>
        ${filterForm(view.hosts, query)} ${summary(view.recorded, matching, crashes.length, query)}
        ${crashes.map((crash) => card(crash, context))}
        ${pager(matching, query, ['Newer', 'Older'])} ${failures(view.failures, context)}
      </main>
      ${footer(context)}`,
  );
}

function thisBoot(view: ThisBootView | undefined, { nowSeconds }: PageContext): Html | undefined {
  if (view === undefined) return undefined;
  const heading = html`<h2>Running kernel</h2>`;
  if (view.kind === 'unavailable') {
    return html`${heading}
      <p class="gone">What this kernel has counted cannot be read: ${view.message}</p>`;
  }
  const { categories, readSeconds } = view;
  return html`${heading}
    <table>
      <caption>
        Hardware errors this kernel has survived so far, read ${ago(readSeconds, nowSeconds)}. They
        are in none of the crashes below.
      </caption>
      <thead>
        <tr>
          <th scope="col">Category</th>
          <th scope="col" class="count">Errors</th>
          <th scope="col">Last</th>
        </tr>
      </thead>
      <tbody>
        ${categories.map(
          ({ category, count, lastErrorTimestampSeconds: last }) =>
            html`<tr class="${count === 0 ? 'zero' : ''}">
              <th scope="row">${category}</th>
              <td class="count">${count}</td>
              <td>${last === null ? 'never' : when(last, nowSeconds)}</td>
            </tr>`,
        )}
      </tbody>
    </table>`;
}

function summary(all: number, matching: number, shown: number, query: CrashQuery): Html {
  if (all === 0)
    return html`<p>No crash recorded. That is good news if the directories above are readable.</p>`;
  if (matching === 0) return html`<p>None of ${all} crashes match.</p>`;
  return html`<p class="dim">${range('crashes', { all, matching, shown }, query)}.</p>`;
}

function failures(list: readonly FailureView[], { nowSeconds }: PageContext): Html | undefined {
  if (list.length === 0) return undefined;
  return html`<h2 id="failures">Files that gave no counters</h2>
    ${list.map(
      ({ path, reason, message, recordedSeconds }) =>
        html`<article class="bad failure">
          <h3>${reason}</h3>
          <dl>
            <dt>File</dt>
            <dd><code>${path}</code></dd>
            <dt>What to do</dt>
            <dd>${advice(reason)}</dd>
            <dt>Message</dt>
            <dd>${message}</dd>
            <dt>Tried</dt>
            <dd>${when(recordedSeconds, nowSeconds)}</dd>
          </dl>
        </article> `,
    )}`;
}

function footer({ version, telemetryPath, mode, nowSeconds }: PageContext): Html {
  const links = [
    ['crashes', 'Table of crashes'],
    ['signatures', 'Crashes by signature'],
    [telemetryPath.slice(1), 'Metrics'],
    ['api/v1/crashes', 'Crashes as JSON'],
    ...(mode === 'central' ? [['sd', 'Hosts for Prometheus']] : []),
    ['-/healthy', 'Health'],
    ['-/ready', 'Readiness'],
  ];
  return html`<footer>
    <nav aria-label="Endpoints">
      <ul>
        ${links.map(([href = '', text = '']) => html`<li><a href="${href}">${text}</a></li>`)}
      </ul>
    </nav>
    <p class="dim">
      Version ${version}, ${date(Math.floor(nowSeconds))}. The kernel never counts corrected errors;
      “others” counts recovered x86 machine checks; cpu, memory and cxl come from firmware records
      alone.
    </p>
  </footer>`;
}
