// The page at /: what an SRE wants to know at 3 a.m., newest crash first. No script, no asset from
// elsewhere; every text from a dump is escaped by html``.

import { type Html, html } from './html.ts';
import { queryOf } from './selection.ts';
import { card, when } from './card.ts';
import { document } from './document.ts';
import type { DirectoryView, FailureView, Selection, StatusView, ThisBootView } from './views.ts';
import { advice, ago, categoryName, date } from '../wording.ts';
import { CATEGORIES } from '../vmcore/index.ts';

/** What of the configuration the page shows. */
export interface PageOptions {
  readonly version: string;
  readonly telemetryPath: string;
  readonly mode: 'node' | 'central';
  readonly suspectWindowSeconds: number;
}

interface Moment extends PageOptions {
  readonly nowSeconds: number;
}

/** Hosts offered in the filter. */
const MAX_HOSTS = 200;

/** The page as HTML. */
export function statusPage(view: StatusView, asked: Selection, moment: Moment): string {
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
        ${statusList(view, moment)} ${thisBoot(view.thisBoot, moment)}
        <h2 id="crashes">Crashes</h2>
        ${filterForm(view.hosts, asked)} ${summary(view.recorded, matching, crashes.length, asked)}
        ${crashes.map((crash) => card(crash, moment))} ${pager(matching, asked)}
        ${failures(view.failures, moment)}
      </main>
      ${footer(moment)}`,
  );
}

function statusList(view: StatusView, { mode, nowSeconds }: Moment): Html {
  return html`<ul class="status" aria-label="State">
    ${mode === 'node' ? kdumpState(view.kdumpArmed) : undefined}
    ${view.directories.map((directory) => directoryState(directory, nowSeconds))}
    ${ledgerState(view.ledgerProblem)}
  </ul>`;
}

function ledgerState(problem: string | undefined): Html | undefined {
  if (problem === undefined) return undefined;
  return html`<li class="bad">
    <strong>The ledger cannot be written:</strong> ${problem}. What is shown is what was kept
    before; new crashes wait for it.
  </li>`;
}

function kdumpState(armed: boolean | undefined): Html {
  if (armed === true) {
    return html`<li class="ok"><strong>kdump is armed.</strong> The next panic leaves a dump.</li>`;
  }
  if (armed === false) {
    return html`<li class="bad">
      <strong>kdump is not armed.</strong> The next panic leaves no dump: no crash kernel is loaded.
    </li>`;
  }
  return html`<li>
    <strong>kdump: unknown.</strong> /sys/kernel/kexec_crash_loaded does not say.
  </li>`;
}

function directoryState({ directory, up, lastScanSeconds }: DirectoryView, now: number): Html {
  if (lastScanSeconds === 0) {
    return html`<li><strong>${directory}</strong> is being scanned for the first time.</li>`;
  }
  const when = html`scanned ${ago(lastScanSeconds, now)}`;
  return up
    ? html`<li class="ok"><strong>${directory}</strong> is readable, ${when}.</li>`
    : html`<li class="bad">
        <strong>${directory}</strong> cannot be read: does it exist, is it mounted, may the exporter
        read it? (${when})
      </li>`;
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

function filterForm(hosts: readonly string[], { host, category }: Selection): Html {
  const chosen = (value: string): Html => (value === category ? html` selected` : html``);
  return html`<form method="get" role="search" aria-label="Filter crashes">
    <label>Host <input name="host" list="hosts" value="${host ?? ''}" autocomplete="off" /></label>
    <datalist id="hosts">
      ${hosts.slice(0, MAX_HOSTS).map((name) => html`<option value="${name}"></option>`)}
    </datalist>
    <label
      >With errors of
      <select name="category">
        <option value="">any category</option>
        ${CATEGORIES.map(
          (name) => html`<option value="${name}" ${chosen(name)}>${categoryName(name)}</option>`,
        )}
      </select></label
    >
    <button>Filter</button>
    ${host === undefined && category === undefined ? undefined : html`<a href="?">Show all</a>`}
  </form>`;
}

function summary(all: number, matching: number, shown: number, { offset }: Selection): Html {
  if (all === 0)
    return html`<p>No crash recorded. That is good news if the directories above are readable.</p>`;
  if (matching === 0) return html`<p>None of ${all} crashes match.</p>`;
  const filtered = matching === all ? '' : `, ${matching} match`;
  const range = shown === matching ? '' : `, shown: ${offset + 1} to ${offset + shown}`;
  return html`<p class="dim">${all} recorded${filtered}${range}, newest first.</p>`;
}

function pager(matching: number, asked: Selection): Html | undefined {
  const { offset, limit } = asked;
  const newer = offset > 0;
  const older = offset + limit < matching;
  if (!newer && !older) return undefined;
  return html`<nav aria-label="More crashes">
    <ul>
      ${newer ? html`<li><a rel="prev" href="${queryOf(asked, Math.max(0, offset - limit))}">Newer</a></li>` : undefined}
      ${older ? html`<li><a rel="next" href="${queryOf(asked, offset + limit)}">Older</a></li>` : undefined}
    </ul>
  </nav>`;
}

function failures(list: readonly FailureView[], { nowSeconds }: Moment): Html | undefined {
  if (list.length === 0) return undefined;
  return html`<h2>Files that gave no counters</h2>
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
      “others” holds recovered x86 machine checks; cpu, memory and cxl come from firmware records
      alone.
    </p>
  </footer>`;
}
