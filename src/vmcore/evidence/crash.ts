// Determines what a kernel died of, from the last lines of its log.

import type { HardwareEvent } from './hardware-event.ts';
import { Backtrace, programCounter } from './backtrace.ts';
import { type CpuLine, cpuLine } from './cpu-line.ts';
import { type CrashType, type Death, deathIn } from './death.ts';
import { type HardwareName, hardwareName } from './hardware-name.ts';
import type { Line } from './line.ts';
import { sharedName } from './part-name.ts';
import { shownText } from './shown-text.ts';

/** What a kernel died of and where, by its log; null: not in the log. */
export interface CrashFacts {
  /** The panic line, or that of the oops if no panic follows. */
  readonly panic: string;
  /** The line of the oops, SError or lockup that caused the panic. */
  readonly oops: string | null;
  readonly type: CrashType;
  /** Interrupted function with its module; null: unknown, or in user space. */
  readonly pc: string | null;
  /** Innermost first, without functions of the crash handling. */
  readonly frames: readonly string[];
  /** Equal for the same fault on all machines and kernels of a fleet. */
  readonly signature: string;
  readonly taint: readonly string[];
  /** Whether there was a machine check in this boot, even if the log no longer has it. */
  readonly machineCheckTaint: boolean;
  readonly hardware: HardwareName | null;
  readonly cpu: number | null;
  readonly pid: number | null;
  readonly comm: string | null;
  /** Seconds from boot to the crash; null if the log has no times. */
  readonly uptimeSeconds: number | null;
  /** Seconds from the newest recoverable or fatal error to the crash; null: none, or no times. */
  readonly leadSeconds: number | null;
  /** The hardware error that caused the panic. */
  readonly cause: HardwareEvent | null;
}

/** Maximum number of lines examined per crash. */
const BLOCK_LINES = 2048;
/** Number of lines within which a second head belongs to the same oops. */
const HEAD_LINES = 32;
/**
 * A kernel whose log goes on for longer after a lockup survived it: kernel/watchdog.c prints the same lines
 * whether or not it panics, and again while the CPU is stuck, at most every two minutes.
 */
const LOCKUP_SECONDS = 120;
/** Maximum time between `sysrq: Trigger a crash` and the crash. */
const REQUEST_SECONDS = 1;

const END = '---[ end ';
const HARDWARE = 'Hardware name: ';
/** Several lines at boot have this prefix; the machine is in the one with a BIOS. */
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

/** The facts of a crash before its hardware events are known. */
export type Crash = Omit<CrashFacts, 'signature' | 'leadSeconds' | 'cause' | 'uptimeSeconds'> & {
  readonly time: number;
};

/** Receives all lines of a log, oldest first. */
export class CrashScanner {
  #blocks: Partial<Record<Block['kind'], Block>> = {};
  #open: Block | null = null;
  #requested: number | null = null;
  #dmi: string | null = null;
  #lockedCpu: number | null = null;
  #lastTime = 0;

  offer(line: Line): void {
    const { text } = line;
    this.#lastTime = line.time;
    if (text.startsWith(DMI) && text.includes(BIOS)) this.#dmi ??= text.slice(DMI.length);
    const locked = LOCKED_CPU.exec(text)?.[1];
    if (locked !== undefined) this.#lockedCpu = Number(locked);
    const death = deathIn(text);
    if (death !== null) this.#death(line, death);
    else if (text.startsWith(END)) this.#open = null;
    else if (this.#open !== null) addFact(this.#open, text);
  }

  /** @returns null if the log has no crash. */
  get crash(): Crash | null {
    const { panic, oops, lockup } = this.#blocks;
    const block = panic ?? oops ?? (this.#isStuck(lockup) ? lockup : undefined);
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

  /** Whether it is the end of the log, and the CPU said where it was. */
  #isStuck(lockup: Block | undefined): boolean {
    const cpu = lockup?.cpu ?? null;
    return cpu !== null && this.#lastTime - (lockup?.time ?? 0) <= LOCKUP_SECONDS;
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
    // Messages after the panic are consequences, not the cause.
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

  /** @param before an oops or lockup that may have caused the panic. */
  #panic(line: Line, type: CrashType, before: Block | undefined): void {
    // A panic without a type of its own may be caused by any oops.
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

  /** Kernels before v5.8 crash on request by dereferencing a null pointer. */
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

/** Adds a fact if it is the first of its kind: later ones are of other CPUs. */
function addFact(block: Block, text: string): void {
  if (block.lines++ > BLOCK_LINES) return;
  block.cpu ??= cpuLine(text);
  if (text.startsWith(HARDWARE)) block.hardware ??= text.slice(HARDWARE.length);
  block.pc ??= programCounter(text);
  block.backtrace.offer(text);
}

/** Types for which the interrupted function is unrelated to the fault. */
const OF_HARDWARE: ReadonlySet<CrashType> = new Set(['machine-check', 'ghes-fatal', 'nmi']);
const SIGNATURE_FRAMES = 3;

/** @returns the type and the innermost functions; for a hardware error the category and the part. */
export function signatureOf(crash: Crash, cause: HardwareEvent | null): string {
  if (OF_HARDWARE.has(crash.type)) {
    const error = cause === null ? [] : [cause.category, sharedName(cause.part) ?? ''];
    return [crash.type, ...error].filter((word) => word !== '').join('|');
  }
  const [first, ...others] = crash.pc === null ? crash.frames : [crash.pc, ...crash.frames];
  const functions = first === undefined ? [] : [first, ...others.slice(0, SIGNATURE_FRAMES)];
  return [crash.type, ...functions].join('|');
}
