// The state of the exporter and of what it watches, on a page.

import { type Html, html } from './html.ts';
import type { DirectoryView, StatusView } from './views.ts';
import { type Shard, shardText } from '../shard.ts';
import { ago } from '../wording.ts';

interface StateContext {
  readonly mode: 'node' | 'central';
  readonly nowSeconds: number;
  readonly shard?: Shard | undefined;
}

/** Returns the state of kdump, the directories and the ledger. */
export function stateList(view: StatusView, { mode, nowSeconds, shard }: StateContext): Html {
  return html`<ul class="status" aria-label="State">
    ${mode === 'node' ? kdumpState(view.kdumpArmed) : undefined} ${shardState(shard)}
    ${view.directories.map((directory) => directoryState(directory, nowSeconds))}
    ${ledgerState(view.ledgerProblem)}
  </ul>`;
}

function shardState(shard: Shard | undefined): Html | undefined {
  if (shard === undefined) return undefined;
  return html`<li>
    <strong>Shard ${shardText(shard)}.</strong> Crashes of other hosts are at the other collectors.
  </li>`;
}

function ledgerState(problem: string | undefined): Html | undefined {
  if (problem === undefined) return undefined;
  return html`<li class="bad">
    <strong>The ledger cannot be read or written:</strong> ${problem}. What is shown is what was
    read before; new crashes wait for it.
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

/** Returns only problems, and the number of files without counters by reason; undefined if there are none. */
export function troubles(view: StatusView, nowSeconds: number): Html | undefined {
  const down = view.directories.filter(({ up, lastScanSeconds }) => !up && lastScanSeconds > 0);
  const isFine = down.length === 0 && view.failures.length === 0;
  if (isFine && view.ledgerProblem === undefined) return undefined;
  const reasons = new Map<string, number>();
  for (const { reason } of view.failures) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  const list = [...reasons].map(([reason, files]) => `${files} ${reason}`).join(', ');
  return html`<ul class="status" aria-label="Failures">
    ${ledgerState(view.ledgerProblem)} ${down.map((one) => directoryState(one, nowSeconds))}
    ${
      list === ''
        ? undefined
        : html`<li class="bad">
            <strong>Files that gave no counters:</strong> ${list}.
            <a href="./#failures">Which, and what to do</a>
          </li>`
    }
  </ul>`;
}
