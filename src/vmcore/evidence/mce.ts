// Machine checks of x86 as the kernel prints them raw. arch/x86/kernel/cpu/mce/core.c (print_mce,
// mce_panic, mce_notify_irq, kill_me_maybe), mce/severity.c.

import { type Finding, type Findings, type Recogniser, Unfinished } from './finding.ts';
import type { Line } from './line.ts';
import { MceRecord, continuesMceRecord, startsMceRecord } from './mce-record.ts';

const MCE = 'mce: ';
const PREFIX = /^(?:mce: )?\[Hardware Error\]: /;
const INTERRUPTED = /^RIP(?: !INEXACT!)? (\d{1,4}):<[0-9a-f]{1,16}> ?(.{0,200})$/;
const FUNCTION = /^\{([^+{}\s]{1,128})\+0x/;
const FRAGMENT = /^(?:ADDR|MISC|SYND[12]?|IPID|SOCKET) [0-9a-f]/;
const KERNEL_CODE = '10';
const USER_ACCESS =
  /^mce: (?:Uncorrected hardware memory error in user-access|Kernel accessed poison in user space) at ([0-9a-f]{1,16})/;
/** mce/inject.c raise_mce(): the CPU will read an injected record. */
const INJECTED = /^(?:Triggering MCE exception on|Starting machine check poll) CPU (\d{1,6})$/;
const HOLDOUTS =
  /^mce: (?:\[Hardware Error\]: )?(?:CPUs not responding to MCE broadcast|Some CPUs didn't answer in synchronization)/;

/**
 * Finds machine checks of x86 printed raw, their announcements, reads of bad memory on behalf of user space,
 * CPUs that did not respond to a machine check, and injections by mce-inject.
 */
export class MceRecogniser implements Recogniser {
  readonly #findings: Findings;
  readonly #records = new Unfinished<string | null, MceRecord>();
  /** The last record of each caller: the reason of a panic follows it. */
  readonly #last = new Unfinished<string | null, MceRecord>();
  readonly #userAccess = new Unfinished<string | null, { readonly finding: Finding }>();

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  offer(line: Line): boolean {
    const isMce = line.text.startsWith(MCE);
    if (!isMce && !line.text.startsWith('[')) {
      return this.#injector(line) || this.#continuation(line);
    }
    const prefix = PREFIX.exec(line.text)?.[0];
    if (HOLDOUTS.test(line.text)) {
      this.#findings.open(line, { kind: 'holdouts', source: 'mce', severity: 'fatal' });
      return true;
    }
    if (prefix !== undefined) return this.#record(line, line.text.slice(prefix.length));
    return isMce ? this.#unprefixed(line) : this.#continuation(line);
  }

  #record(line: Line, text: string): boolean {
    if (text.startsWith('Machine check events logged')) {
      this.#findings.open(line, { kind: 'announcement', source: 'mce' });
      return true;
    }
    if (startsMceRecord(text)) {
      this.#add(this.#open(line), line, text);
      return true;
    }
    if (continuesMceRecord(text)) {
      this.#add(this.#records.get(line.caller, line) ?? this.#open(line), line, text);
      if (text.startsWith('PROCESSOR ')) this.#records.delete(line.caller);
      return true;
    }
    const stack = INTERRUPTED.exec(text);
    if (stack !== null) {
      if (stack[1] === KERNEL_CODE) this.#interrupted(line, stack[2] ?? '');
      return true;
    }
    if (text.startsWith('Machine check: ')) {
      const last = this.#last.get(line.caller, line)?.finding;
      if (last !== undefined) last.detail = text.slice('Machine check: '.length);
      return true;
    }
    return false;
  }

  #open(line: Line): MceRecord {
    const record = new MceRecord(this.#findings.open(line, { kind: 'mce', source: 'mce' }));
    this.#records.set(line.caller, record);
    return record;
  }

  #add(record: MceRecord, line: Line, text: string): void {
    record.finding.lastTime = line.time;
    record.add(text);
    record.finding.link ??= record.identity;
    this.#last.set(line.caller, record);
  }

  #injector(line: Line): boolean {
    const cpu = INJECTED.exec(line.text)?.[1];
    if (cpu === undefined) return false;
    const place = { cpu: Number(cpu) };
    this.#findings.open(line, { kind: 'note', source: 'mce', injected: true, place });
    return true;
  }

  /** Handles text of pr_cont(), which is a record without a prefix if another CPU printed in between. */
  #continuation(line: Line): boolean {
    if (line.text.startsWith('{')) return this.#interrupted(line, line.text);
    const record = this.#records.get(line.caller, line);
    if (record === undefined || !FRAGMENT.test(line.text)) return false;
    this.#add(record, line, line.text);
    return true;
  }

  #interrupted(line: Line, text: string): boolean {
    const name = FUNCTION.exec(text)?.[1];
    const record = this.#records.get(line.caller, line);
    if (name === undefined || record === undefined) return false;
    record.finding.pc ??= name;
    return true;
  }

  #unprefixed(line: Line): boolean {
    const address = USER_ACCESS.exec(line.text)?.[1];
    if (address !== undefined) {
      const finding = this.#findings.open(line, {
        kind: 'consumption',
        source: 'mce',
        category: 'memory',
        severity: 'recoverable',
        hwerrCategory: 'others',
        place: { physicalAddress: BigInt(`0x${address}`) },
      });
      this.#userAccess.set(line.caller, { finding });
      return true;
    }
    if (!line.text.startsWith('mce: Memory error not recovered')) return false;
    const finding = this.#userAccess.get(line.caller, line)?.finding;
    if (finding !== undefined) finding.outcome = 'not recovered';
    return true;
  }
}
