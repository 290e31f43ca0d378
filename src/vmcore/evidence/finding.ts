// A finding is what one source printed about one error. Several findings may describe the same error;
// merge.ts decides which.

import type { Category, Severity, Source } from './hardware-event.ts';
import type { Line } from './line.ts';

/** The kind of message. An event has at most one of each, except notes. */
export type Kind =
  /** `Machine check events logged`: announces further messages, which may be missing. */
  | 'announcement'
  /** `CPUs not responding to MCE broadcast`. */
  | 'holdouts'
  | 'mce'
  /** A CPU read already bad data: the machine check, or the fate of its task. */
  | 'consumption'
  | 'edac'
  | 'cper'
  | 'memory-failure'
  /** Information about a page or device that is not an error by itself. */
  | 'note'
  | 'soft-offline'
  | 'aer'
  /** AER registers that firmware passed with a CPER record. */
  | 'aer-firmware'
  | 'dpc'
  /** The system died of the error. */
  | 'panic'
  | 'other';

/** All ways in which messages name a part. */
export interface Place {
  label?: string;
  location?: string;
  fru?: string;
  physicalAddress?: bigint;
  cpu?: number;
  socket?: number;
  bank?: number;
  mpidr?: string;
  apicId?: string;
  /** Whether the processor id is an MPIDR. */
  isArm?: boolean;
  unit?: string;
  pciAddress?: string;
  vendor?: string;
  device?: string;
  pe?: string;
}

/** What one source printed about one error, filled in as its lines arrive. */
export interface Finding {
  kind: Kind;
  readonly source: Source;
  readonly caller: string | null;
  /** Seconds from boot to the first line, and to the last so far. */
  readonly time: number;
  lastTime: number;
  /** null: not in the message. */
  category: Category | null;
  severity: Severity | null;
  /** Whether its severity overrides that of lower-ranking sources. */
  decisive: boolean;
  place: Place;
  count: number;
  detail: string | null;
  outcome: string | null;
  injected: boolean;
  hwerrCategory: Category | null;
  /** The interrupted function. */
  pc: string | null;
  /** A key shared with other findings of the same error, for the rules of merge-rules.ts. */
  link: string | null;
  /** Whether another section of the record is more informative. */
  secondary: boolean;
  /** Whether the error ended the previous boot, or occurred while no kernel was running. */
  previousBoot: boolean;
}

/** The fields that a recogniser gives for a new finding; the others follow from the line. */
export type Found = Pick<Finding, 'kind' | 'source'> & Partial<Omit<Finding, 'time' | 'caller'>>;

/** All findings, in the order of their first lines. */
export class Findings {
  readonly all: Finding[] = [];

  /** Adds a finding. @returns it, to be filled in with further lines. */
  open(line: Line, found: Found): Finding {
    const finding: Finding = {
      caller: line.caller,
      time: line.time,
      lastTime: line.time,
      category: null,
      severity: null,
      decisive: false,
      place: {},
      count: 1,
      detail: null,
      outcome: null,
      injected: false,
      hwerrCategory: null,
      pc: null,
      link: null,
      secondary: false,
      previousBoot: false,
      ...found,
    };
    this.all.push(finding);
    return finding;
  }
}

/** Maximum time between two lines of one message; a slow console takes a tenth of a second per line. */
const MESSAGE_SECONDS = 10;

/**
 * The messages being printed, by printing caller. A line long after the previous one belongs to another
 * error: the rest of the earlier message was lost.
 */
export class Unfinished<Key, Message extends { readonly finding: Finding }> {
  readonly #messages = new Map<Key, Message>();

  /** @returns the message that `line` may continue. */
  get(key: Key, line: Line): Message | undefined {
    const message = this.#messages.get(key);
    if (message === undefined) return undefined;
    return line.time - message.finding.lastTime > MESSAGE_SECONDS ? undefined : message;
  }

  set(key: Key, message: Message): void {
    this.#messages.set(key, message);
  }

  delete(key: Key): void {
    this.#messages.delete(key);
  }
}

/** Recognises the messages of one source. Created for every log, so it may keep state. */
export interface Recogniser {
  /** @returns true if the line is of this source, so that other recognisers need not examine it. */
  offer(line: Line): boolean;
}
