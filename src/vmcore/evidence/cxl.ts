// CXL memory devices. Their RAS registers and event records only go to tracepoints; the log has mailbox
// failures (drivers/cxl/pci.c) and results of recovery (drivers/cxl/core/ras.c, formerly cxl/pci.c).

import type { Findings, Recogniser } from './finding.ts';
import type { Line } from './line.ts';
import { pciLine } from './pci-line.ts';

const DRIVER = 'cxl_pci ';
const DEVICE_STATE = /, device state {0,3}(fatal)?(?: {0,2}firmware-halt)? {0,3}$/;
const RECOVERY =
  /^mem\d{1,6}: (frozen state error detected, disable CXL\.mem|failure state error detected, request disconnect)/;

/**
 * Finds mailbox failures of CXL memory devices, which are fatal if the device reports a fatal state, and
 * recoveries that disabled or disconnected a device.
 */
export class CxlRecogniser implements Recogniser {
  readonly #findings: Findings;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  offer(line: Line): boolean {
    const pci = line.text.startsWith(DRIVER) ? pciLine(line) : null;
    if (pci === null) return false;
    const place = { pciAddress: pci.address };
    const state = DEVICE_STATE.exec(pci.text);
    if (state !== null) {
      this.#findings.open(line, {
        kind: 'other',
        source: 'cxl',
        category: 'cxl',
        severity: state[1] === undefined ? 'recoverable' : 'fatal',
        place,
      });
      return true;
    }
    const outcome = RECOVERY.exec(pci.text)?.[1];
    if (outcome === undefined) return false;
    this.#findings.open(line, { kind: 'note', source: 'cxl', outcome, place });
    return true;
  }
}
