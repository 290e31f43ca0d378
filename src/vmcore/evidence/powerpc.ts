// Machine checks of POWER. arch/powerpc/kernel/mce.c machine_check_print_event_info(): one line per fact
// since v5.2, an indented block before; pseries: arch/powerpc/platforms/pseries/ras.c.

import type { Category, Severity } from './hardware-event.ts';
import { type Finding, type Findings, type Recogniser, Unfinished } from './finding.ts';
import type { Line } from './line.ts';

const EVENT =
  /^MCE: CPU(\d{1,6}): machine check \((Harmless|Warning|Severe|Fatal)\) {1,2}(?:(?:Host|Guest) {1,2})?(.{1,200})$/;
const STACK =
  /^MCE: CPU(\d{1,6}): (?:PID: \d{1,10} Comm: .{1,32} )?NIP: \[([0-9a-f]{1,16})\] ?([^\s+]{0,128})/;
const ADDRESS = /\bpaddr: (?:0x)?([0-9a-f]{1,16})/;
const NOT_RECOVERED = /\bNot recovered\b/i;
const OLD =
  /^(Harmless|Warning|Severe|Fatal) Machine check interrupt \[{1,2}(Not recovered|Recovered)\]/i;
const OLD_NIP = /^ {1,8}NIP:? \[([0-9a-f]{1,16})\]/;
const OLD_TYPE = /^ {1,8}Error type: (.{1,100})$/;
/** `Physial` before v4.15, which also has two brackets before `Not recovered`. */
const OLD_ADDRESS = /^ {1,8}Physic?al address: {1,2}(?:0x)?([0-9a-f]{1,16})/;
/** Quick test for lines of the old form that begin a message. */
const ANY = /machine check interrupt|hardware error detected/i;
const FATAL = /^Machine check interrupt (?:is fatal|unrecoverable: )/;
const RTAS = /^(Recoverable|Fatal) hardware error detected/;

const SEVERITIES: ReadonlyMap<string, Severity> = new Map([
  ['Harmless', 'informational'],
  ['Warning', 'informational'],
  ['Severe', 'recoverable'],
  ['Fatal', 'fatal'],
]);
const CPU_TYPES = /^(?:SLB|ERAT|TLB|D-Cache|I-Cache|User)\b/i;
/** Kernel addresses of 64-bit POWER begin at 0xc000000000000000. */
const KERNEL = 0xc000_0000_0000_0000n;

/**
 * Finds machine checks of POWER, and hardware errors that RTAS reports; fatal if the message says so, or if
 * the kernel itself was interrupted and did not recover.
 */
export class PowerpcRecogniser implements Recogniser {
  readonly #findings: Findings;
  readonly #byCpu = new Unfinished<string, Check>();
  readonly #byCaller = new Unfinished<string | null, Check>();

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  offer(line: Line): boolean {
    return line.text.startsWith('MCE: CPU') ? this.#event(line) : this.#old(line);
  }

  #event(line: Line): boolean {
    const match = EVENT.exec(line.text);
    if (match !== null) {
      const [, cpu = '', word = '', type = ''] = match;
      const finding = this.#open(line, word);
      finding.place.cpu = Number(cpu);
      describe(finding, type);
      this.#byCpu.set(cpu, { finding, survived: !NOT_RECOVERED.test(type) });
      return true;
    }
    const stack = STACK.exec(line.text);
    const check = stack?.[1] === undefined ? undefined : this.#byCpu.get(stack[1], line);
    if (stack?.[2] === undefined || check === undefined) return true;
    check.finding.lastTime = line.time;
    // A guest kernel has the same addresses as the host's.
    if (line.text.includes(' Guest NIP: ')) return true;
    interrupted(check, stack[2]);
    if (stack[3] !== undefined && stack[3] !== '') check.finding.pc ??= stack[3];
    return true;
  }

  #old(line: Line): boolean {
    return ANY.test(line.text) ? this.#oldHead(line) : this.#oldDetail(line);
  }

  #oldHead(line: Line): boolean {
    const head = OLD.exec(line.text);
    if (head !== null) {
      const finding = this.#open(line, capital(head[1] ?? ''));
      const cpu = /^C(\d{1,6})$/.exec(line.caller ?? '')?.[1];
      if (cpu !== undefined) finding.place.cpu = Number(cpu);
      this.#byCaller.set(line.caller, { finding, survived: !NOT_RECOVERED.test(head[2] ?? '') });
      return true;
    }
    if (FATAL.test(line.text)) {
      const common = { kind: 'note', source: 'mce' } as const;
      this.#findings.open(line, { ...common, severity: 'fatal', decisive: true });
      return true;
    }
    const rtas = RTAS.exec(line.text)?.[1];
    if (rtas !== undefined) {
      this.#findings.open(line, {
        kind: 'other',
        source: 'rtas',
        category: 'others',
        severity: rtas === 'Fatal' ? 'fatal' : 'recoverable',
      });
      return true;
    }
    return this.#oldDetail(line);
  }

  #oldDetail(line: Line): boolean {
    const check = line.text.startsWith('  ') ? this.#byCaller.get(line.caller, line) : undefined;
    if (check === undefined || !oldDetail(check, line.text)) return false;
    check.finding.lastTime = line.time;
    return true;
  }

  #open(line: Line, word: string): Finding {
    return this.#findings.open(line, {
      kind: 'mce',
      source: 'mce',
      category: 'others',
      severity: SEVERITIES.get(word) ?? 'recoverable',
    });
  }
}

interface Check {
  readonly finding: Finding;
  readonly survived: boolean;
}

function oldDetail(check: Check, text: string): boolean {
  const nip = OLD_NIP.exec(text)?.[1];
  if (nip !== undefined) interrupted(check, nip);
  const type = OLD_TYPE.exec(text)?.[1];
  if (type !== undefined) describe(check.finding, type);
  const address = OLD_ADDRESS.exec(text)?.[1];
  if (address !== undefined) check.finding.place.physicalAddress = BigInt(`0x${address}`);
  return (nip ?? type ?? address) !== undefined;
}

function describe(finding: Finding, type: string): void {
  finding.category = category(type);
  finding.detail = type.split(/ (?:DAR:|paddr:|\[)/, 1)[0] ?? null;
  const address = ADDRESS.exec(type)?.[1];
  if (address !== undefined) finding.place.physicalAddress = BigInt(`0x${address}`);
}

function category(type: string): Category {
  if (/^UE\b/.test(type)) return 'memory';
  return CPU_TYPES.test(type) ? 'cpu' : 'others';
}

/** Marks the error as fatal if the kernel was interrupted and did not recover. */
function interrupted({ finding, survived }: Check, nip: string): void {
  if (!survived && BigInt(`0x${nip}`) >= KERNEL) finding.severity = 'fatal';
}

function capital(word: string): string {
  return `${word.slice(0, 1).toUpperCase()}${word.slice(1).toLowerCase()}`;
}
