// Extracts the functions of a backtrace without addresses and offsets, which differ between builds. Formats of
// arch/*/kernel/stacktrace.c, process.c and traps.c.

/** Maximum number of frames kept. */
const FRAMES = 16;
/** Functions of the crash handling itself, between the cause and the printed stack. */
const PLUMBING =
  /^(?:dump_stack\w{0,16}|dump_backtrace|show_stack\w{0,16}|__dump_stack|v?panic|nmi_panic|die|__die\w{0,16}|oops_end|page_fault_oops|no_context|_{0,2}bad_area\w{0,24}|do_user_addr_fault|exc_\w{1,40}|asm_exc_\w{1,40}|do_error_trap|do_trap|_{0,2}crash_kexec|add_taint|watchdog_timer_fn|__hrtimer_run_queues)$/;

const NAME = '([A-Za-z_.$][\\w.$]{0,127})';
const MODULE = '(?: \\[([\\w-]{1,64})[^\\]]{0,80}\\])?';
/** ` name+0x1/0x2 [module]`, preceded by one or two addresses in brackets on some machines. */
const FRAME = new RegExp(
  `^ {0,4}(?:\\[<?[0-9a-f]{1,16}>?\\] ){0,2}(\\? )?(?:\\(?\\[<[0-9a-f]{1,16}>\\] )?${NAME}\\+0x[0-9a-f]{1,8}/0x[0-9a-f]{1,8}${MODULE}(.{0,100})$`,
);
/** A caller without a name. */
const NAMELESS =
  /^ {0,4}\(?(?:\[<?[0-9a-f]{1,16}>?\] ){0,2}0x[0-9a-f]{1,16}\)?(?: \[[\w-]{1,64}\])?(?: \(unreliable\))?$/;
/** s390: ` [<00000000b6426b78>] name+0x40/0xd0`; only the name on old kernels. */
const START = /^Call [Tt]race:/;
const STACK_NAME = /^ {0,4}<\/?(?:TASK|IRQ|NMI|SOFTIRQ|#?[A-Z0-9]{1,8})>$/;

const SYMBOL = `${NAME}(?:\\+0x[0-9a-f]{1,8})?(?:/0x[0-9a-f]{1,8})?${MODULE}`;
/** The line with the program counter, per architecture, by its start; a user-space counter has no name. */
const COUNTERS: readonly (readonly [head: string, RegExp])[] = [
  ['RIP: ', new RegExp(`^RIP: (?:0010|e030):${SYMBOL}`)],
  // Before v4.9.
  [
    'RIP: ',
    new RegExp(`^RIP: (?:0010|e030):\\[<[0-9a-f]{1,16}>\\] {1,2}\\[<[0-9a-f]{1,16}>\\] ${SYMBOL}`),
  ],
  ['pc : ', new RegExp(`^pc : ${SYMBOL}`)],
  ['epc : ', new RegExp(`^epc : ${SYMBOL}`)],
  [' epc : ', new RegExp(`^ epc : ${SYMBOL}`)],
  ['Krnl PSW : ', new RegExp(`^Krnl PSW : [0-9a-f]{16} [0-9a-f]{16} \\(${SYMBOL}`)],
  ['NIP [', new RegExp(`^NIP \\[[0-9a-f]{1,16}\\] ${SYMBOL}`)],
  ['ERA: ', new RegExp(`^ERA: [0-9a-f]{1,16} ${SYMBOL}`)],
  ['EIP: ', new RegExp(`^EIP: (?:0060:)?${SYMBOL}`)],
  ['PC is at ', new RegExp(`^PC is at ${SYMBOL}`)],
];

/** @returns the function with its module in brackets; null if the line has no program counter. */
export function programCounter(text: string): string | null {
  for (const [head, pattern] of COUNTERS) {
    const match = text.startsWith(head) ? pattern.exec(text) : null;
    if (match?.[1] !== undefined) return named(match[1], match[2]);
  }
  return null;
}

/** Receives the lines of a crash and keeps the first backtrace. */
export class Backtrace {
  readonly #frames: string[] = [];
  #state: 'before' | 'in' | 'after' = 'before';

  offer(text: string): void {
    if (this.#state === 'before' && START.test(text)) this.#state = 'in';
    else if (this.#state === 'in') this.#frame(text);
  }

  get frames(): readonly string[] {
    const first = this.#frames.findIndex((frame) => !PLUMBING.test(frame));
    return first === -1 ? [] : this.#frames.slice(first, first + FRAMES);
  }

  #frame(text: string): void {
    const match = FRAME.exec(text);
    if (match !== null) {
      const [, guess, name = '', module, rest = ''] = match;
      // A leftover address on the stack, not a caller.
      if (guess !== undefined || rest.includes('(unreliable)')) return;
      if (this.#frames.length < 4 * FRAMES) this.#frames.push(named(name, module));
    } else if (!STACK_NAME.test(text) && !NAMELESS.test(text)) this.#state = 'after';
  }
}

/** Removes suffixes that compilers add, because they differ between builds. */
function named(name: string, module: string | undefined): string {
  const plain = name.replace(/\.(?:isra|part|constprop|cold|llvm)\b.{0,60}$/, '');
  return module === undefined ? plain : `${plain} [${module}]`;
}
