// The findings in the log of a crash: what the kernel died of, the parts with errors, the errors.

import { type Html, html } from './html.ts';
import { type TimelineError, timeline } from './timeline.ts';
import type { CrashView } from './views.ts';
import { type HardwareEvent, isSevere, partName } from '../vmcore/index.ts';
import { WHY_NO_LOG, categoryName, span } from '../wording.ts';

/** Maximum number of parts named on a card. */
const MAX_PARTS = 4;

/** Returns the rows that the log adds to the list of facts. */
export function logFacts({ crash, hardwareEvents, log }: CrashView): Html {
  const parts = partsOf(hardwareEvents);
  const hardware = crash?.hardware ?? null;
  return html`${
    crash === null
      ? undefined
      : html`<dt>Died of</dt>
          <dd>${crash.type}${crash.pc === null ? '' : ` in ${crash.pc}`}</dd>`
  }
  ${
    parts.length === 0
      ? undefined
      : html`<dt>Parts</dt>
          <dd>
            ${parts.slice(0, MAX_PARTS).join(', ')}${parts.length > MAX_PARTS ? ` and ${parts.length - MAX_PARTS} more` : ''}
          </dd>`
  }
  ${
    hardware === null
      ? undefined
      : html`<dt>Hardware</dt>
          <dd>${hardware.raw}</dd>`
  }
  ${
    log.source !== 'absent' && log.forgeable
      ? html`<dt>Log</dt>
          <dd>Text beside the dump: any process of that machine may have written its lines.</dd>`
      : undefined
  }`;
}

/** Names of the parts with errors, those of the newest errors first. */
function partsOf(events: readonly HardwareEvent[]): readonly string[] {
  return [...new Set(events.toReversed().flatMap(({ part }) => partName(part) ?? []))];
}

/**
 * Returns all hardware errors in the log.
 *
 * @param windowSeconds length of the suspect window before the panic.
 */
export function logSection(view: CrashView, windowSeconds: number): Html {
  const { log, hardwareEvents, hardwareEventsOmitted, previousBootRecords } = view;
  if (log.source === 'absent') {
    return html`<p class="gone">
      The log cannot be read: ${WHY_NO_LOG[log.reason] ?? log.reason}.
    </p>`;
  }
  const cut = log.truncated ? 'the newest ' : '';
  const from = log.firstTime === null ? '' : `, from ${span(log.firstTime)} after boot on`;
  return html`<p class="dim">
      The log: ${cut}${log.records}
      records${from}${log.unreadable > 0 ? '; others are not in the dump' : ''}.
    </p>
    ${
      previousBootRecords > 0
        ? html`<p>
            It has ${previousBootRecords} error records of the boot before; they are none of this
            one.
          </p>`
        : undefined
    }
    ${
      hardwareEvents.length === 0
        ? html`<p>It has no hardware error.</p>`
        : html`${eventTimeline(view, windowSeconds)}${eventTable(view)}`
    }
    ${hardwareEventsOmitted > 0 ? html`<p>${hardwareEventsOmitted} more are not shown.</p>` : undefined}`;
}

/** Errors by category and severity; undefined if the log has no time of the crash. */
function eventTimeline(
  { hardwareEvents, crash }: CrashView,
  windowSeconds: number,
): Html | undefined {
  const end = crash?.uptimeSeconds ?? null;
  if (end === null) return undefined;
  const rows = new Map<string, TimelineError[]>();
  for (const event of hardwareEvents) {
    if (event.time === null || event.time > end) continue;
    const name = `${event.category}, ${event.severity}`;
    const errors = rows.get(name) ?? [];
    errors.push({ leadSeconds: end - event.time, isSuspect: isSevere(event) });
    rows.set(name, errors);
  }
  const labels = [...rows].map(([name, errors]) => `${name}: ${errors.length}`);
  const picture = timeline(
    [...rows].map(([name, errors]) => ({ name, errors })),
    windowSeconds,
    `Errors in the log before the panic: ${labels.join('; ')}`,
  );
  return (
    picture &&
    html`<figure>
      ${picture}
      <figcaption>
        Errors in the log before the panic, logarithmic; the shaded part is the suspect window of
        ${span(windowSeconds)}.
      </figcaption>
    </figure>`
  );
}

function eventTable({ hardwareEvents, crash }: CrashView): Html {
  const end = crash?.uptimeSeconds ?? null;
  return html`<table>
    <caption>
      Hardware errors in the log, newest first
    </caption>
    <thead>
      <tr>
        <th scope="col">Before the panic</th>
        <th scope="col">Severity</th>
        <th scope="col">Category</th>
        <th scope="col">Part</th>
        <th scope="col" class="wide">Detail</th>
      </tr>
    </thead>
    <tbody>
      ${hardwareEvents.toReversed().map((event) => eventRow(event, end))}
    </tbody>
  </table>`;
}

function eventRow(event: HardwareEvent, end: number | null): Html {
  const { severity, category, part, detail, outcome, source, count, injected } = event;
  const words = [
    ...(count > 1 ? [`${count} errors`] : []),
    ...[detail, outcome].flatMap((word) => word ?? []),
    ...(injected ? ['injected'] : []),
    source,
  ];
  return html`<tr>
    <td>${whenText(event.time, end)}</td>
    <td class="${severity === 'fatal' ? 'near' : ''}">${severity}</td>
    <td>${categoryName(category)}</td>
    <td>${partName(part) ?? ''}</td>
    <td class="wide">${words.join(', ')}</td>
  </tr>`;
}

function whenText(time: number | null, end: number | null): string {
  if (time === null) return 'unknown';
  if (end === null) return `${time.toFixed(2)} s after boot`;
  const seconds = end - time;
  if (seconds < 0) return 'after it';
  return seconds < 60 ? `${seconds.toFixed(2)} s` : span(seconds);
}

/** Returns where the kernel crashed, and the signature that equal faults share. */
export function deathSection({ crash, signatureId }: CrashView): Html | undefined {
  if (crash === null) return undefined;
  const { frames, taint, cpu, pid, comm, uptimeSeconds } = crash;
  return html`<dl>
    <dt>Signature</dt>
    <dd><code>${signatureId ?? ''}</code> ${crash.signature}</dd>
    ${row('Uptime', uptimeSeconds === null ? null : span(uptimeSeconds))} ${row('CPU', cpu)}
    ${row('Task', comm === null ? null : `${comm} (PID ${pid ?? 'unknown'})`)}
    ${row('Taint', taint.length === 0 ? null : taint.join(' '))}
    ${row('Called from', frames.length === 0 ? null : frames.join(', '))}
  </dl>`;
}

function row(name: string, value: string | number | null): Html | undefined {
  if (value === null) return undefined;
  return html`<dt>${name}</dt>
    <dd>${value}</dd>`;
}
