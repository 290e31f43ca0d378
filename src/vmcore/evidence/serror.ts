// Errors that an arm64 CPU takes as an exception. arch/arm64/kernel/traps.c (SError), arch/arm64/mm/fault.c
// (synchronous external abort). The CPU that takes the exception is rarely the part that failed.

import type { Finding, Findings, Recogniser } from './finding.ts';
import type { Line } from './line.ts';

/** Quick test that most lines fail: all lines recognised here match it. */
const ANY = /^(?:SError |Bad mode |Internal error: |Unhandled fault: |Synchronous External )/;
/** `ata1: SError: { … }` is a SATA register. */
const SERROR =
  /^(?:SError Interrupt|Bad mode in Error handler detected) on CPU(\d{1,6}), code (0x[0-9a-f]{1,16})/;
/** Names of arch/arm64/mm/fault.c fault_info, and of arch/arm/mm/fsr-2level.c. */
const ABORT =
  /^(Internal error|Unhandled fault|Synchronous External Abort): ((?:level \d )?(?:synchronous (?:external abort|parity (?:or ECC )?error)|imprecise external abort|external abort on |\(translation table walk\))[^:[]{0,60})/;
/** An abort whose name is in the previous line. */
const NAMELESS = /^Internal error: : [0-9a-f]{1,16} \[#/;
const DEATH_SECONDS = 1;

/**
 * Finds SErrors, which are fatal, and external aborts and parity errors on memory accesses of arm64 and arm,
 * which are recoverable if they only affect a process.
 */
export class SerrorRecogniser implements Recogniser {
  readonly #findings: Findings;
  readonly #faults = new Map<string | null, Finding>();

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  offer(line: Line): boolean {
    if (!ANY.test(line.text)) return false;
    const serror = SERROR.exec(line.text);
    if (serror !== null) {
      this.#findings.open(line, {
        kind: 'other',
        source: 'serror',
        category: 'others',
        severity: 'fatal',
        detail: `code ${serror[2] ?? ''}`,
        place: { cpu: Number(serror[1]) },
        link: `${serror[1] ?? ''}/${serror[2] ?? ''}`,
      });
      return true;
    }
    return this.#abort(line) || this.#died(line);
  }

  #abort(line: Line): boolean {
    const [, head, abort] = ABORT.exec(line.text) ?? [];
    if (abort === undefined) return false;
    // A fault may affect only a process, which is then terminated.
    const fatal = head === 'Internal error';
    const finding = this.#findings.open(line, {
      kind: 'other',
      source: 'serror',
      category: abort.includes('parity') ? 'memory' : 'others',
      severity: fatal ? 'fatal' : 'recoverable',
      detail: abort.trim(),
    });
    this.#faults.set(line.caller, finding);
    return true;
  }

  #died(line: Line): boolean {
    const fault = NAMELESS.test(line.text) ? this.#faults.get(line.caller) : undefined;
    if (fault !== undefined && line.time - fault.time <= DEATH_SECONDS) fault.severity = 'fatal';
    return fault !== undefined;
  }
}
