// Extracts evidence from the kernel's log: its hardware errors, and what the kernel died of.

import type { LogRecord } from '../printk/record.ts';
import type { Finding } from './finding.ts';
import { Findings, type Recogniser } from './finding.ts';
import { type HardwareEvent, type Source, isSevere } from './hardware-event.ts';
import { AerRecogniser } from './aer.ts';
import { AmdMceRecogniser } from './mce-amd.ts';
import { CperRecogniser } from './cper.ts';
import { type Crash, type CrashFacts, CrashScanner, signatureOf } from './crash.ts';
import { CxlRecogniser } from './cxl.ts';
import { DpcRecogniser } from './dpc.ts';
import { EdacRecogniser } from './edac.ts';
import { EehRecogniser } from './eeh.ts';
import { HmiRecogniser } from './hmi.ts';
import { MceRecogniser } from './mce.ts';
import { MemoryFailureRecogniser } from './memory-failure.ts';
import { NmiRecogniser } from './nmi.ts';
import { PanicRecogniser } from './panics.ts';
import { PowerpcRecogniser } from './powerpc.ts';
import { S390Recogniser } from './s390.ts';
import { SerrorRecogniser } from './serror.ts';
import { SuppressedMessages } from './suppressed.ts';
import { TrapRecogniser } from './trap.ts';
import { eventOf } from './event.ts';
import { type LoggedErrors, leadSeconds, loggedErrors } from './logged-errors.ts';
import { kernelLines } from './line.ts';
import { merge } from './merge.ts';

/** Maximum time between an error that ends the system and the last line of its panic. */
const CAUSE_SECONDS = 2;
/** Maximum number of events kept: the oldest that are worse than corrected, then the newest of all. */
const EVENTS = 1000;

/** Facts about the kernel that are needed to interpret its messages. */
export interface EvidenceOptions {
  /** Page size in bytes, because messages contain page numbers. */
  readonly pageSize: number;
}

/** The evidence in a log: hardware errors, suppressed messages, and the crash. */
export interface Evidence {
  /** Oldest first. */
  readonly hardwareEvents: readonly HardwareEvent[];
  /** Number of events that were not kept. */
  readonly hardwareEventsOmitted: number;
  /** Counts of all events, including those not kept. */
  readonly loggedErrors: readonly LoggedErrors[];
  /** Number of errors from the previous boot, kept by firmware (BERT) or a CPU; not part of this boot. */
  readonly previousBootRecords: number;
  /** Number of messages suppressed by the kernel's rate limit. */
  readonly suppressed: Partial<Record<Source, number>>;
  readonly crash: CrashFacts | null;
}

/**
 * Extracts the evidence.
 *
 * @param records oldest first; records that did not come from the kernel are ignored.
 * @returns the evidence; times are seconds since boot.
 */
export function findEvidence(
  records: readonly LogRecord[],
  { pageSize }: EvidenceOptions,
): Evidence {
  const findings = new Findings();
  const cper = new CperRecogniser(findings);
  const suppressed = new SuppressedMessages();
  const recognisers: readonly Recogniser[] = [
    cper,
    new MceRecogniser(findings),
    new AmdMceRecogniser(findings),
    new EdacRecogniser(findings, pageSize),
    new MemoryFailureRecogniser(findings, pageSize),
    new S390Recogniser(findings),
    new DpcRecogniser(findings),
    new CxlRecogniser(findings),
    new AerRecogniser(findings),
    new PowerpcRecogniser(findings),
    new EehRecogniser(findings),
    new HmiRecogniser(findings),
    new NmiRecogniser(findings),
    new SerrorRecogniser(findings),
    new TrapRecogniser(findings),
    new PanicRecogniser(findings, pageSize),
    suppressed,
  ];
  const scanner = new CrashScanner();
  for (const line of kernelLines(records)) {
    recognisers.some((recogniser) => recogniser.offer(line));
    scanner.offer(line);
  }
  const { crash } = scanner;
  const timed = records.some(({ timeSeconds }) => timeSeconds !== null);
  const errors = merge(findings.all, pageSize);
  const current = errors.filter((some) => !some.some(({ previousBoot }) => previousBoot));
  const events = eventsOf(current, { timed, crash });
  return {
    ...kept(events.map(({ event }) => event)),
    loggedErrors: loggedErrors(
      events.map(({ event }) => event),
      timed ? (crash?.time ?? null) : null,
    ),
    previousBootRecords: cper.previousBootRecords + errors.length - current.length,
    suppressed: suppressed.counts,
    crash: crash === null ? null : crashFacts(crash, events, timed),
  };
}

interface MergedEvent {
  readonly event: HardwareEvent;
  readonly findings: readonly Finding[];
}

function eventsOf(
  groups: readonly (readonly Finding[])[],
  { timed, crash }: { readonly timed: boolean; readonly crash: Crash | null },
): readonly MergedEvent[] {
  const events: MergedEvent[] = [];
  for (const findings of groups) {
    const event = eventOf(findings);
    if (event === null) continue;
    const counted = crash === null || !diedWith(event, crash);
    events.push({
      event: {
        ...event,
        time: timed ? event.time : null,
        hwerrCategory: counted ? event.hwerrCategory : null,
      },
      findings,
    });
  }
  return events;
}

/** Whether mce_panic() printed the event when the kernel died; pending events are then never counted. */
function diedWith({ source, time }: HardwareEvent, crash: Crash): boolean {
  if (source !== 'mce' || crash.type !== 'machine-check' || time === null) return false;
  return time <= crash.time && crash.time - time <= CAUSE_SECONDS;
}

function crashFacts(
  { time, ...crash }: Crash,
  events: readonly MergedEvent[],
  timed: boolean,
): CrashFacts {
  const cause = events.findLast(({ findings }) =>
    findings.some((finding) => isPanic(finding, timed ? time : null)),
  );
  const before = events.findLast(
    ({ event }) => isSevere(event) && (event.time ?? Infinity) <= time,
  );
  const interrupted = cause?.findings.find(({ pc }) => pc !== null)?.pc ?? null;
  const part = cause?.event.part;
  return {
    ...crash,
    pc: crash.pc ?? interrupted,
    cpu: crash.cpu ?? (part?.kind === 'cpu' || part?.kind === 'dimm' ? part.cpu : null),
    signature: signatureOf({ ...crash, time }, cause?.event ?? null),
    uptimeSeconds: timed ? time : null,
    leadSeconds: leadSeconds(before?.event.time ?? null, time),
    cause: cause?.event ?? null,
  };
}

/** Sources whose fatal errors always end the system. */
const DEADLY: ReadonlySet<Source> = new Set(['serror', 'trap']);

/**
 * Whether the error ended the system by its own message; a trap has no separate panic.
 *
 * @param crashTime null: the log has no times, so an error that may have been survived may be any time old.
 */
function isPanic({ kind, source, severity, time }: Finding, crashTime: number | null): boolean {
  if (severity !== 'fatal') return false;
  const isOwn = kind === 'panic' || kind === 'note';
  if (crashTime === null) return isOwn || (kind === 'other' && DEADLY.has(source));
  if (Math.abs(crashTime - time) > CAUSE_SECONDS) return false;
  // Further errors while the kernel dies are not the cause.
  return isOwn || (kind === 'other' && time <= crashTime);
}

function kept(
  events: readonly HardwareEvent[],
): Pick<Evidence, 'hardwareEvents' | 'hardwareEventsOmitted'> {
  if (events.length <= EVENTS) return { hardwareEvents: events, hardwareEventsOmitted: 0 };
  const chosen = new Set(events.filter(isSevere).slice(0, EVENTS / 2));
  for (let at = events.length - 1; chosen.size < EVENTS; at--) {
    const event = events[at];
    if (event !== undefined) chosen.add(event);
  }
  return {
    hardwareEvents: events.filter((event) => chosen.has(event)),
    hardwareEventsOmitted: events.length - chosen.size,
  };
}
