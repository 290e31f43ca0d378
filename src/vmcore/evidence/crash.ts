// What a kernel died of, out of the last lines of its log.

import type { HardwareEvent } from './hardware-event.ts';
import { Backtrace, programCounter } from './backtrace.ts';
import { type CpuLine, cpuLine } from './cpu-line.ts';
import { type CrashType, type Death, deathIn } from './death.ts';
import { type HardwareName, hardwareName } from './hardware-name.ts';
import type { Line } from './line.ts';
import { sharedName } from './part-name.ts';
import { shownText } from './shown-text.ts';

/** What a kernel died of and where, as far as its log says; null: not said. */
export interface CrashFacts {
  /** The line of the panic; of the oops where nothing followed it. */
  readonly panic: string;
  /** The line of the oops, the SError or the lockup that a panic was made of. */
  readonly oops: string | null;
  readonly type: CrashType;
  /** Function that was interrupted, with its module; null: not known, or a user's. */
  readonly pc: string | null;
  /** Innermost first, without the plumbing of the crash itself. */
  readonly frames: readonly string[];
  /** The same for the same fault on all machines and kernels of a fleet. */
  readonly signature: string;
  readonly taint: readonly string[];
  /** A machine check in this boot, even if the log no longer has it. */
  readonly machineCheckTaint: boolean;
  readonly hardware: HardwareName | null;
  readonly cpu: number | null;
  readonly pid: number | null;
  readonly comm: string | null;
  /** Seconds since boot; null where the log has no times. */
  readonly uptimeSeconds: number | null;
  /** From the newest error that was more than corrected to the crash; null: none, or no times. */
  readonly leadSeconds: number | null;
  /** The hardware error that the panic is. */
  readonly cause: HardwareEvent | null;
}

/** Lines of one crash that are looked at. */
const BLOCK_LINES = 2048;
/** Lines within which a second head is one more line of the same oops. */
const HEAD_LINES = 32;
/** From `sysrq: Trigger a crash` to what it causes. */
const REQUEST_SECONDS = 1;

const END = '---[ end ';
const HARDWARE = 'Hardware name: ';
/** At boot the kernel prints several lines with this head; the machine is the one that has a BIOS. */
const DMI = 'DMI: ';
const BIOS = ', BIOS ';
const LOCKED_CPU = /LOCKUP on cpu (\d{1,6})/i;

interface Block {
  readonly kind: 'panic' | 'oops' | 'lockup';
  type: CrashType;
  readonly time: number;
  readonly head: string;
  panic: string | null;
  panicTime: number | null;
  readonly backtrace: Backtrace;
  cpu: CpuLine | null;
  hardware: string | null;
  pc: string | null;
  lines: number;
}

/** Facts of a crash before its events are known. */
export type Crash = Omit<CrashFacts, 'signature' | 'leadSeconds' | 'cause' | 'uptimeSeconds'> & {
  readonly time: number;
};

/** Takes all lines of a log, oldest first. */
export class CrashScanner {
  #blocks: Partial<Record<Block['kind'], Block>> = {};
  #open: Block | null = null;
  #requested: number | null = null;
  #dmi: string | null = null;
  #lockedCpu: number | null = null;

  offer(line: Line): void {
    const { text } = line;
    if (text.startsWith(DMI) && text.includes(BIOS)) this.#dmi ??= text.slice(DMI.length);
    const locked = LOCKED_CPU.exec(text)?.[1];
    if (locked !== undefined) this.#lockedCpu = Number(locked);
    const death = deathIn(text);
    if (death !== null) this.#death(line, death);
    else if (text.startsWith(END)) this.#open = null;
    else if (this.#open !== null) addFact(this.#open, text);
  }

  /** @returns null when the log has no crash. */
  get crash(): Crash | null {
    const { panic, oops, lockup } = this.#blocks;
    // A lockup that was survived is a line; one that was not ends with where everybody was.
    const block =
      panic ?? oops ?? (lockup === undefined || lockup.cpu === null ? undefined : lockup);
    if (block === undefined) return null;
    const elsewhere =
      block.type === 'hard-lockup' &&
      this.#lockedCpu !== null &&
      this.#lockedCpu !== block.cpu?.cpu;
    const taint = block.cpu?.taint ?? [];
    return {
      time: block.panicTime ?? block.time,
      panic: shownText(block.panic ?? block.head) ?? '',
      oops: block.panic === null || block.kind === 'panic' ? null : shownText(block.head),
      type: block.type,
      pc: elsewhere ? null : block.pc,
      frames: block.backtrace.frames,
      taint,
      machineCheckTaint: taint.includes('M'),
      hardware: hardwareName(block.hardware ?? this.#dmi ?? ''),
      cpu: block.cpu?.cpu ?? null,
      pid: block.cpu?.pid ?? null,
      comm: shownText(block.cpu?.comm),
    };
  }

  #death(line: Line, death: Death): void {
    if (death.kind === 'request') {
      this.#requested = line.time;
      return;
    }
    if (death.kind === 'panic') {
      this.#panic(line, death.type, death.of === null ? undefined : this.#blocks[death.of]);
      return;
    }
    // What a dying kernel complains of after its panic is not what it died of.
    if (this.#blocks.panic !== undefined) return;
    const open = this.#open;
    if (open?.kind === 'oops' && open.cpu === null && open.lines <= HEAD_LINES) {
      if (open.type === 'oops') open.type = death.type;
      return;
    }
    this.#open = this.#blocks[death.kind] = newBlock(
      line,
      death.kind,
      this.#typeOf(line, death.type),
    );
  }

  /** @param before what it may be a panic of. */
  #panic(line: Line, type: CrashType, before: Block | undefined): void {
    // One that has no name of its own is of any oops.
    if (before !== undefined && (type === 'other' || type === before.type)) {
      before.panic = line.text;
      before.panicTime = line.time;
      this.#blocks.panic = before;
      this.#open = before;
      return;
    }
    this.#open = this.#blocks.panic = newBlock(line, 'panic', this.#typeOf(line, type));
    this.#open.panic = line.text;
  }

  /** Kernels before v5.8 crash on request by a null pointer. */
  #typeOf(line: Line, type: CrashType): CrashType {
    const requested = this.#requested !== null && line.time - this.#requested <= REQUEST_SECONDS;
    return requested ? 'sysrq' : type;
  }
}

function newBlock({ time, text }: Line, kind: Block['kind'], type: CrashType): Block {
  return {
    ...{ kind, type, time, head: text, panic: null, panicTime: null, lines: 0 },
    ...{ backtrace: new Backtrace(), cpu: null, hardware: null, pc: null },
  };
}

/** The first of each is that of the crash; others are of other CPUs. */
function addFact(block: Block, text: string): void {
  if (block.lines++ > BLOCK_LINES) return;
  block.cpu ??= cpuLine(text);
  if (text.startsWith(HARDWARE)) block.hardware ??= text.slice(HARDWARE.length);
  block.pc ??= programCounter(text);
  block.backtrace.offer(text);
}

/** What was interrupted by an error of hardware has nothing to do with it. */
const OF_HARDWARE: ReadonlySet<CrashType> = new Set(['machine-check', 'ghes-fatal', 'nmi']);
const SIGNATURE_FRAMES = 3;

/** @returns type, then the innermost functions; of a hardware error the category and the part. */
export function signatureOf(crash: Crash, cause: HardwareEvent | null): string {
  if (OF_HARDWARE.has(crash.type)) {
    const error = cause === null ? [] : [cause.category, sharedName(cause.part) ?? ''];
    return [crash.type, ...error].filter((word) => word !== '').join('|');
  }
  const [first, ...others] = crash.pc === null ? crash.frames : [crash.pc, ...crash.frames];
  const functions = first === undefined ? [] : [first, ...others.slice(0, SIGNATURE_FRAMES)];
  return [crash.type, ...functions].join('|');
}
