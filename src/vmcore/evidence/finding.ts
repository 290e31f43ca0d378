// A finding: what one source printed of one error. Several findings may be of the same error; which
// ones is for merge.ts to say.

import type { Category, Severity, Source } from './hardware-event.ts';
import type { Line } from './line.ts';

/** What kind of message it was. An event has at most one of each, notes apart. */
export type Kind =
  /** `Machine check events logged`: announces something that follows, or nothing. */
  | 'announcement'
  /** `CPUs not responding to MCE broadcast`. */
  | 'holdouts'
  | 'mce'
  /** A CPU read data that were bad already: the machine check of that, or what becomes of its task. */
  | 'consumption'
  | 'edac'
  | 'cper'
  | 'memory-failure'
  /** Something about a page or a device that is no error of its own. */
  | 'note'
  | 'soft-offline'
  | 'aer'
  /** Registers of AER that firmware handed over with a CPER record. */
  | 'aer-firmware'
  | 'dpc'
  /** The system died of it. */
  | 'panic'
  | 'other';

/** Everything that messages name a part by. */
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
  /** The id of its processor is an MPIDR. */
  isArm?: boolean;
  unit?: string;
  pciAddress?: string;
  vendor?: string;
  device?: string;
  pe?: string;
}

/** What one source printed of one error, filled in as its lines come. */
export interface Finding {
  kind: Kind;
  readonly source: Source;
  readonly caller: string | null;
  /** Seconds since boot of the first line, and of the last so far. */
  readonly time: number;
  lastTime: number;
  /** Null: it does not say. */
  category: Category | null;
  severity: Severity | null;
  /** Its severity is more than a source's that ranks below it. */
  decisive: boolean;
  place: Place;
  count: number;
  detail: string | null;
  outcome: string | null;
  injected: boolean;
  hwerrCategory: Category | null;
  /** The function that was interrupted. */
  pc: string | null;
  /** What it shares with another finding of the same error, as merge.ts asks for it. */
  link: string | null;
  /** Another section of its record tells more of what went wrong. */
  secondary: boolean;
  /** The error ended the boot before, or came while no kernel ran. */
  previousBoot: boolean;
}

/** What a recogniser may say when it finds something; the rest follows from the line. */
export type Found = Pick<Finding, 'kind' | 'source'> & Partial<Omit<Finding, 'time' | 'caller'>>;

/** Findings in the order of their first lines. */
export class Findings {
  readonly all: Finding[] = [];

  /** @returns the finding, to be filled in as more lines of it come. */
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

/** Lines of one message come one after another; a slow console needs a tenth of a second for each. */
const MESSAGE_SECONDS = 10;

/**
 * What is being printed, by who prints it. A line that comes long after the last one is of another
 * error: the rest of the message before was lost.
 */
export class Unfinished<Key, Message extends { readonly finding: Finding }> {
  readonly #messages = new Map<Key, Message>();

  /** @returns the message that `line` may be the next of. */
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

/** Recognises what one source prints. Made for every log, so it may remember lines. */
export interface Recogniser {
  /** @returns true when the line is of this source, so that no other need look at it. */
  offer(line: Line): boolean;
}
