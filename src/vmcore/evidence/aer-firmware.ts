// AER registers that firmware passed to the kernel: drivers/pci/pcie/aer.c pci_print_aer(). A queue prints
// these lines after the CPER record; `aer_cor_status` and `aer_uncor_status` since 7.3.

import { type Finding, type Findings, Unfinished } from './finding.ts';
import type { PciLine } from './pci-line.ts';
import { isCorrectable, statusBit } from './aer-bits.ts';

const STATUS =
  /^aer_(cor_|uncor_)?status: 0x([0-9a-f]{8}), aer_(?:cor_|uncor_)?mask: 0x([0-9a-f]{8})/;
const SEVERITY = /^aer_uncor_severity: 0x([0-9a-f]{8})/;

interface Registers {
  readonly finding: Finding;
  /** Status without masked bits; null: its line is missing. */
  readonly raised: number | null;
}

/** Finds AER errors in registers passed by firmware: one per block of a device. */
export class AerFirmware {
  readonly #findings: Findings;
  readonly #registers = new Unfinished<string, Registers>();

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  offer(pci: PciLine, text: string): boolean {
    const status = STATUS.exec(text);
    if (status !== null) {
      const raised = Number.parseInt(status[2] ?? '0', 16) & ~Number.parseInt(status[3] ?? '0', 16);
      const { finding } = this.#begin(pci, raised);
      finding.severity = status[1] === 'uncor_' ? 'recoverable' : 'corrected';
      finding.hwerrCategory = status[1] === 'uncor_' ? 'pci' : null;
      return true;
    }
    const severity = SEVERITY.exec(text)?.[1];
    if (severity !== undefined) {
      const { finding, raised } = this.#current(pci) ?? this.#begin(pci, null);
      const fatal = ((raised ?? 0) & Number.parseInt(severity, 16)) !== 0;
      finding.severity = fatal ? 'fatal' : 'recoverable';
      finding.hwerrCategory = fatal ? null : 'pci';
      this.#registers.delete(pci.address);
      return true;
    }
    return text.startsWith('aer_layer=') ? this.#layer(pci) : this.#bit(pci, text);
  }

  #begin({ line, address }: PciLine, raised: number | null): Registers {
    const finding = this.#findings.open(line, {
      kind: 'aer-firmware',
      source: 'aer',
      category: 'pci',
      place: { pciAddress: address },
    });
    const registers = { finding, raised };
    this.#registers.set(address, registers);
    return registers;
  }

  #current({ line, address }: PciLine): Registers | undefined {
    const registers = this.#registers.get(address, line);
    if (registers !== undefined) registers.finding.lastTime = line.time;
    return registers;
  }

  #layer(pci: PciLine): boolean {
    if (this.#current(pci) === undefined) this.#begin(pci, null);
    return true;
  }

  #bit(pci: PciLine, text: string): boolean {
    const bit = statusBit(text);
    const finding = bit === null ? undefined : this.#current(pci)?.finding;
    if (bit === null || finding === undefined) return false;
    finding.detail = finding.detail === null ? bit : `${finding.detail}, ${bit}`.slice(0, 128);
    // The last line has the severity, and may be missing.
    if (!isCorrectable(bit) && finding.severity !== 'fatal') finding.severity = 'recoverable';
    return true;
  }
}
