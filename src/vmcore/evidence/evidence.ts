// The kernel's log as evidence: which hardware errors it has, and what the kernel died of.

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

/** From an error that ends the system to the last line of its panic. */
const CAUSE_SECONDS = 2;
/** Events kept: the oldest that are more than corrected, then the newest of all. */
const EVENTS = 1000;

/** What has to be known of a kernel, beside its log, to read its messages. */
export interface EvidenceOptions {
  /** Bytes of a page: messages number pages by it. */
  readonly pageSize: number;
}

/** The content of a log: hardware errors, messages that were left out of it, and the crash. */
export interface Evidence {
  /** Oldest first. */
  readonly hardwareEvents: readonly HardwareEvent[];
  /** Events beyond those that are kept. */
  readonly hardwareEventsOmitted: number;
  /** All events in numbers, with those that are not kept. */
  readonly loggedErrors: readonly LoggedErrors[];
  /** Errors of the boot before, that firmware (BERT) or a CPU kept. They are none of this one. */
  readonly previousBootRecords: number;
  /** Messages that the kernel did not print because there were too many. */
  readonly suppressed: Partial<Record<Source, number>>;
  readonly crash: CrashFacts | null;
}

/**
 * @param records oldest first. Those that did not come from the kernel are left out.
 * @returns the evidence of the log; times are seconds since boot.
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

/** mce_panic() prints all that is pending, which is then never counted. */
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
    findings.some((finding) => isPanic(finding, time)),
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

/** An error that says itself that it ends the system; a trap's has no panic of its own. */
function isPanic({ kind, severity, time }: Finding, crashTime: number): boolean {
  if (severity !== 'fatal' || Math.abs(crashTime - time) > CAUSE_SECONDS) return false;
  // What else goes wrong while a kernel dies is not what it dies of.
  return kind === 'panic' || kind === 'note' || (kind === 'other' && time <= crashTime);
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
