// Errors that an x86 chipset signals by NMI. arch/x86/kernel/nmi.c pci_serr_error() and io_check_error(). An
// NMI for an unknown reason is not a hardware error.

import type { Findings, Recogniser } from './finding.ts';
import type { Line } from './line.ts';

const SERR = 'NMI: PCI system error (SERR) for reason ';
const IOCK = 'NMI: IOCK error (debug interrupt?) for reason ';

/** Finds PCI system errors (SERR) and I/O checks (IOCK) signalled by NMI. */
export class NmiRecogniser implements Recogniser {
  readonly #findings: Findings;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  offer(line: Line): boolean {
    const serr = line.text.startsWith(SERR);
    if (!serr && !line.text.startsWith(IOCK)) return false;
    this.#findings.open(line, {
      kind: 'other',
      source: 'nmi',
      category: serr ? 'pci' : 'others',
      severity: 'recoverable',
      detail: serr ? 'PCI system error (SERR)' : 'IOCK error',
    });
    return true;
  }
}
