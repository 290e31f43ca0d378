// PCIe Downstream Port Containment. drivers/pci/pcie/dpc.c dpc_process_error(), and its status
// register in include/uapi/linux/pci_regs.h: PCI_EXP_DPC_STATUS_TRIGGER_RSN is bits 2:1, _EXT 6:5.

import type { Findings, Recogniser } from './finding.ts';
import type { Severity } from './hardware-event.ts';
import type { Line } from './line.ts';
import { pciLine, requesterAddress } from './pci-line.ts';

const CONTAINMENT = 'containment event, ';
const EVENT =
  /^(?:DPC: |DPC )?containment event, status:0x([0-9a-f]{4})(?: source:0x([0-9a-f]{4}))?(.{0,200})$/;
const SENDER = /received from ([0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])/;

const UNMASKED = 0;
const NON_FATAL = 1;
const FATAL = 2;
const SOFTWARE = 1;

/**
 * Finds containment events: a port disabled the link below it after an uncorrected error, an RP PIO error, or
 * on request of software (informational).
 */
export class DpcRecogniser implements Recogniser {
  readonly #findings: Findings;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  offer(line: Line): boolean {
    const pci = line.text.includes(CONTAINMENT) ? pciLine(line) : null;
    const match = pci === null ? null : EVENT.exec(pci.text);
    if (pci === null || match === null) return false;
    const [, status = '', source, rest = ''] = match;
    const word = Number.parseInt(status, 16);
    const reason = (word >> 1) & 3;
    const { severity, detail } = trigger(reason, (word >> 5) & 3);
    // The device that sent the message; otherwise the port itself had the error.
    const sent = reason === NON_FATAL || reason === FATAL;
    const sender =
      SENDER.exec(rest)?.[1] ??
      (sent && source !== undefined
        ? requesterAddress(pci.address, Number.parseInt(source, 16))
        : undefined);
    this.#findings.open(line, {
      kind: 'dpc',
      source: 'dpc',
      category: 'pci',
      severity,
      detail,
      place: { pciAddress: sender ?? pci.address },
      // The port's block that follows has the exact severity.
      link: reason === UNMASKED ? pci.address : null,
    });
    return true;
  }
}

function trigger(
  reason: number,
  extension: number,
): { readonly severity: Severity; readonly detail: string | null } {
  switch (reason) {
    case UNMASKED:
      // The port's block has the exact severity; without it, this is the worst case.
      return { severity: 'fatal', detail: null };
    case NON_FATAL:
      return { severity: 'recoverable', detail: 'ERR_NONFATAL' };
    case FATAL:
      return { severity: 'fatal', detail: 'ERR_FATAL' };
    default:
      return extension === SOFTWARE
        ? { severity: 'informational', detail: 'software trigger' }
        : { severity: 'recoverable', detail: extension === 0 ? 'RP PIO error' : 'reserved error' };
  }
}
