// Lines that a kernel prints when it dies, or shortly before. kernel/panic.c; the first lines of an oops
// differ by architecture: arch/*/kernel/traps.c, arch/*/mm/fault.c.

/** A closed list, because it is a metric label. */
export const CRASH_TYPES = [
  'sysrq',
  'machine-check',
  'ghes-fatal',
  'serror',
  'nmi',
  'hard-lockup',
  'soft-lockup',
  'hung-task',
  'rcu-stall',
  'oom',
  'page-fault',
  'gpf',
  'bug',
  'oops',
  'init-died',
  'vfs-root',
  'other',
] as const;
export type CrashType = (typeof CRASH_TYPES)[number];

type Pattern = readonly [RegExp, CrashType];

const PANIC = /^Kernel panic - not syncing: (.{0,1000})/;

const PANICS: readonly Pattern[] = [
  [/^sysrq triggered crash/, 'sysrq'],
  [
    /machine check|^Timeout: .{0,80}(?:broadcast|Monarch)|^Failed kernel mode recovery|^MCA architectural/i,
    'machine-check',
  ],
  [/Fatal hardware error/, 'ghes-fatal'],
  [/Asynchronous SError Interrupt/, 'serror'],
  [/Hard LOCKUP/i, 'hard-lockup'],
  [/^NMI\b|An NMI occurred/, 'nmi'],
  [/^softlockup: hung tasks/, 'soft-lockup'],
  [/^hung_task: blocked tasks/, 'hung-task'],
  [/RCU Stall/i, 'rcu-stall'],
  [/out of memory|deadlocked on memory/i, 'oom'],
  [/^Attempted to kill init!/, 'init-died'],
  [/^VFS: /, 'vfs-root'],
];

const OOPSES: readonly Pattern[] = [
  [/^opal: Hardware platform error/, 'machine-check'],
  [/^(?:SError Interrupt|Bad mode in Error handler detected) on CPU\d/, 'serror'],
  [/^Oops: Machine check/, 'machine-check'],
  [/^(?:BUG: |CPU \d{1,6} )?unable to handle /i, 'page-fault'],
  [/^BUG: kernel NULL pointer dereference/i, 'page-fault'],
  [/^(?:Oops: )?general protection fault/, 'gpf'],
  [/^kernel BUG at /i, 'bug'],
  [/^(?:Oops(?:: | - |\[)|Internal error: |(?:traps: )?PANIC: double fault)/, 'oops'],
  // `divide error: 0000 [#1] SMP`, `illegal operation: 0001 ilc:1 [#1]`.
  [/^[A-Za-z][\w ./:-]{0,100}\[#\d{1,4}\]/, 'oops'],
];

const LOCKUPS: readonly Pattern[] = [
  [/^(?:(?:NMI )?watchdog: )?BUG: soft lockup - CPU#/, 'soft-lockup'],
  [/^(?:NMI )?watchdog: Watchdog detected hard LOCKUP on cpu /i, 'hard-lockup'],
  // arch/powerpc/kernel/watchdog.c.
  [/^watchdog: CPU \d{1,6} (?:self-)?detected hard LOCKUP/, 'hard-lockup'],
];

const BY_HAND = /^sysrq: (?:SysRq : )?Trigger a crash|^SysRq : Trigger a crash/;
/**
 * Panics caused by what was printed before: an oops, with panic_on_oops or if the kernel cannot continue
 * without the task (arm64 prints the oops' name before it, s390 the setting after it); an SError; a lockup.
 */
const OF_BEFORE: readonly (readonly [RegExp, 'oops' | 'lockup'])[] = [
  [/^(?:.{1,100}: )?Fatal exception(?: in interrupt|: panic_on_oops)?$/, 'oops'],
  [/^Machine halted\.$|^Aiee, killing interrupt handler!|^Attempted to kill the idle/, 'oops'],
  [/^Asynchronous SError Interrupt/, 'oops'],
  [/^softlockup: hung tasks|Hard LOCKUP/i, 'lockup'],
];

/** Quick test that most lines fail: all lines that match the patterns above match it. */
const ANY =
  /panic|BUG|Oops|Internal error: |SError |Bad mode |unable to handle|protection fault|\[#|sysrq|lockup|opal: /i;

export type Death =
  | {
      readonly kind: 'panic';
      readonly type: CrashType;
      /** The kind of cause printed before it, which has more details; null if it has no other cause. */
      readonly of: 'oops' | 'lockup' | null;
    }
  /** An event that the kernel may have survived. */
  | { readonly kind: 'oops' | 'lockup'; readonly type: CrashType }
  /** A requested crash: the next crash is the result. */
  | { readonly kind: 'request' };

/** @returns what a line says about the end of the kernel; null if nothing. */
export function deathIn(text: string): Death | null {
  if (!ANY.test(text)) return null;
  const message = panicMessage(text);
  if (message !== null) {
    return {
      kind: 'panic',
      type: typeOf(PANICS, message) ?? 'other',
      of: OF_BEFORE.find(([pattern]) => pattern.test(message))?.[1] ?? null,
    };
  }
  if (BY_HAND.test(text)) return { kind: 'request' };
  const oops = typeOf(OOPSES, text);
  if (oops !== null) return { kind: 'oops', type: oops };
  const lockup = typeOf(LOCKUPS, text);
  return lockup === null ? null : { kind: 'lockup', type: lockup };
}

/** @returns the message of panic(); null for other lines. */
export function panicMessage(text: string): string | null {
  return PANIC.exec(text)?.[1] ?? null;
}

function typeOf(patterns: readonly Pattern[], text: string): CrashType | null {
  return patterns.find(([pattern]) => pattern.test(text))?.[1] ?? null;
}
