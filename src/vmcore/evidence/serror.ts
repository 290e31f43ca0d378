// Errors that an arm64 CPU takes as an exception. arch/arm64/kernel/traps.c (SError), arch/arm64/mm/
// fault.c (synchronous external abort). The CPU that takes one is seldom the part that failed.

import type { Findings, Recogniser } from './finding.ts';
import type { Line } from './line.ts';

/** In every line of these: most lines of a log need no second look. */
const ANY = /^(?:SError Interrupt|Internal error: sync|Unhandled fault: sync)/;
/** `ata1: SError: { … }` is a register of SATA. */
const SERROR = /^SError Interrupt on CPU(\d{1,6}), code (0x[0-9a-f]{1,16})/;
const ABORT =
  /^(?:Internal error|Unhandled fault): (synchronous (?:external abort|parity or ECC error)[^:[]{0,60})/;

export class SerrorRecogniser implements Recogniser {
  readonly #findings: Findings;

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
      });
      return true;
    }
    const abort = ABORT.exec(line.text)?.[1]?.trim();
    if (abort === undefined) return false;
    this.#findings.open(line, {
      kind: 'other',
      source: 'serror',
      category: abort.includes('parity') ? 'memory' : 'others',
      severity: 'fatal',
      detail: abort,
    });
    return true;
  }
}
