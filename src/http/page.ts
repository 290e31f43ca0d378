// The page at /: what an SRE wants to know at 3 a.m., newest crash first. No script, no asset from
// elsewhere; every text from a dump is escaped by html``.

import { type Html, html } from './html.ts';
import { card, when } from './card.ts';
import { document } from './document.ts';
import { filterForm, pager, range } from './filter-form.ts';
import type { Asked } from './selection.ts';
import type { Shard } from '../shard.ts';
import { stateList } from './state.ts';
import type { FailureView, StatusView, ThisBootView } from './views.ts';
import { advice, ago, date } from '../wording.ts';

/** What of the configuration the page shows. */
export interface PageOptions {
  readonly version: string;
  readonly telemetryPath: string;
  readonly mode: 'node' | 'central';
  readonly suspectWindowSeconds: number;
  /** Of several collectors this one, which shows only its hosts; undefined: it shows all. */
  readonly shard?: Shard | undefined;
}

/** What of the configuration and of now a page depends on. */
export interface Moment extends PageOptions {
  readonly nowSeconds: number;
}

/** The page as HTML. */
export function statusPage(view: StatusView, asked: Asked, moment: Moment): string {
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
        ${stateList(view, moment)} ${thisBoot(view.thisBoot, moment)}
        <h2 id="crashes">Crashes</h2>
        ${filterForm(view.hosts, asked)} ${summary(view.recorded, matching, crashes.length, asked)}
        ${crashes.map((crash) => card(crash, moment))} ${pager(matching, asked, ['Newer', 'Older'])}
        ${failures(view.failures, moment)}
      </main>
      ${footer(moment)}`,
  );
}

function thisBoot(view: ThisBootView | undefined, { nowSeconds }: Moment): Html | undefined {
  if (view === undefined) return undefined;
  const heading = html`<h2>This boot</h2>`;
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

function summary(all: number, matching: number, shown: number, asked: Asked): Html {
  if (all === 0)
    return html`<p>No crash recorded. That is good news if the directories above are readable.</p>`;
  if (matching === 0) return html`<p>None of ${all} crashes match.</p>`;
  return html`<p class="dim">${range('crashes', { all, matching, shown }, asked)}.</p>`;
}

function failures(list: readonly FailureView[], { nowSeconds }: Moment): Html | undefined {
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

function footer({ version, telemetryPath, mode, nowSeconds }: Moment): Html {
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
