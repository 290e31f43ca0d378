// PCIe Advanced Error Reporting. drivers/pci/pcie/aer.c: aer_print_port_info / aer_print_source (the header,
// of the root port), aer_print_error (a block for each agent), pci_print_aer (registers that firmware passed
// with a CPER record).

import type { Finding, Findings, Recogniser } from './finding.ts';
import type { Severity } from './hardware-event.ts';
import type { Line } from './line.ts';
import { type PciLine, pciLine, requesterAddress } from './pci-line.ts';
import { AerFirmware } from './aer-firmware.ts';
import { isCorrectable, statusBit } from './aer-bits.ts';

const SEVERITY = '(Correct|Uncorrect)(?:ed|able)(?: \\((Non-Fatal|Fatal)\\))?';
const HEADER = new RegExp(
  `^(?:AER: )?(?:Multiple )?${SEVERITY} error (?:message )?(?:received|messages? received)(.{0,200})$`,
  'i',
);
/** Quick test that most lines of PCI devices fail: all lines recognised here match it. */
const ANY = /error|aer_|recovery|\[ ?\d{1,2}\] /i;
const NAMED = /([0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])/;
const NAMED_ID = /id=([0-9a-f]{4})/;
const BLOCK = new RegExp(`^(PCIe|CXL) Bus Error: severity=${SEVERITY}(.{0,200})$`);
const STATUS = /^device \[([0-9a-f]{4}):([0-9a-f]{4})\] error status\/mask=/;
const INJECT = /^(?:aer_inject: )?Injecting errors .{1,60} into device ([0-9a-f:.]{12,18})/;
/** With a capital letter in old kernels. */
const RECOVERY = /^[Dd]evice recovery (successful|failed)/;

/** Maximum time between a header and its blocks, and between the lines of a block. */
const BLOCK_SECONDS = 1;
const INJECTION_SECONDS = 5;
/** Maximum number of headers per caller that wait for a block. */
const WAITING = 8;

interface Header {
  readonly finding: Finding;
  readonly port: string;
  readonly severity: Severity;
}

interface Block {
  readonly finding: Finding;
  readonly header: Header | null;
}

/**
 * Finds errors of PCIe and CXL devices reported by AER (corrected, non-fatal, fatal), with the result of the
 * recovery and whether aer_inject made them.
 */
export class AerRecogniser implements Recogniser {
  readonly #findings: Findings;
  readonly #firmware: AerFirmware;
  readonly #headers = new Map<string | null, Header[]>();
  /** The header whose blocks each caller is printing. */
  readonly #printing = new Map<string | null, Header>();
  readonly #blocks = new Map<string, Block>();
  readonly #byPort = new Map<string, Finding>();
  readonly #injected = new Map<string, number>();

  constructor(findings: Findings) {
    this.#findings = findings;
    this.#firmware = new AerFirmware(findings);
  }

  offer(line: Line): boolean {
    const pci = ANY.test(line.text) ? pciLine(line) : null;
    if (pci === null) return false;
    const text = pci.text.replace(/^\s{0,4}AER:\s{1,8}/, '').trim();
    const injected = INJECT.exec(text)?.[1];
    if (injected !== undefined) {
      this.#injected.set(injected, line.time);
      return true;
    }
    return (
      this.#header(pci, text) ||
      this.#block(pci, text) ||
      this.#firmware.offer(pci, text) ||
      this.#detail(pci, text) ||
      this.#outcome(pci, text)
    );
  }

  #header({ line, address }: PciLine, text: string): boolean {
    const match = HEADER.exec(text);
    if (match === null) return false;
    const severity = severityOf(match);
    const rest = match[3] ?? '';
    const id = NAMED_ID.exec(rest)?.[1];
    const pciAddress =
      NAMED.exec(rest)?.[1] ??
      (id === undefined ? address : requesterAddress(address, Number.parseInt(id, 16)));
    const finding = this.#findings.open(line, {
      kind: 'aer',
      decisive: true,
      source: 'aer',
      category: 'pci',
      severity,
      place: { pciAddress },
      // The kernel counts nothing if the device has no details.
      hwerrCategory:
        severity === 'recoverable' && !rest.includes('no details found') ? 'pci' : null,
    });
    const header = { finding, port: address, severity };
    this.#headers.set(line.caller, [
      ...(this.#headers.get(line.caller) ?? []).slice(1 - WAITING),
      header,
    ]);
    this.#printing.delete(line.caller);
    this.#byPort.set(address, finding);
    this.#mark(finding, pciAddress);
    return true;
  }

  #block({ line, address }: PciLine, text: string): boolean {
    const match = BLOCK.exec(text);
    if (match === null) return false;
    const severity = severityOf(match, 1);
    if (this.#advisory(line, address, severity)) return true;
    const header = this.#takeHeader(line, address, severity);
    const finding =
      header?.finding ??
      this.#findings.open(line, {
        ...{ kind: 'aer', source: 'aer', decisive: true, link: address },
      });
    finding.category = match[1] === 'CXL' ? 'cxl' : 'pci';
    finding.severity = severity;
    finding.hwerrCategory = severity === 'recoverable' ? 'pci' : null;
    finding.place.pciAddress = address;
    finding.lastTime = line.time;
    const printing = header ?? this.#printing.get(line.caller) ?? null;
    this.#blocks.set(address, { finding, header: printing });
    if (header !== null) this.#printing.set(line.caller, header);
    else if (printing === null) this.#byPort.set(address, finding);
    this.#mark(finding, address);
    return true;
  }

  /**
   * Since 7.3 an advisory non-fatal error prints a corrected block, then a non-fatal one of the same device
   * at warning level: they are one corrected error, which the kernel counts.
   */
  #advisory(line: Line, address: string, severity: Severity): boolean {
    const before = this.#blocks.get(address);
    if (before?.finding.severity !== 'corrected' || severity !== 'recoverable') return false;
    if (line.time - before.finding.lastTime > BLOCK_SECONDS) return false;
    const same =
      before.header === null
        ? line.level === 4
        : this.#printing.get(line.caller) === before.header && !this.#waits(line, severity);
    if (!same) return false;
    before.finding.hwerrCategory = 'pci';
    before.finding.lastTime = line.time;
    return true;
  }

  #waits(line: Line, severity: Severity): boolean {
    return (this.#headers.get(line.caller) ?? []).some((header) => header.severity === severity);
  }

  /** Returns the header of a block: that of its device, else the newest. */
  #takeHeader(line: Line, address: string, severity: Severity): Header | null {
    const waiting = this.#headers.get(line.caller) ?? [];
    const fits = (header: Header): boolean =>
      header.severity === severity && line.time - header.finding.time <= BLOCK_SECONDS;
    const taken =
      waiting.findLast((header) => fits(header) && names(header, address)) ??
      waiting.findLast(fits);
    if (taken === undefined) return null;
    this.#headers.set(
      line.caller,
      waiting.filter((header) => header !== taken),
    );
    return taken;
  }

  #detail({ line, address }: PciLine, text: string): boolean {
    const status = STATUS.exec(text);
    const bit = status === null ? statusBit(text) : null;
    if (status === null && bit === null) return false;
    const finding = this.#current(line, address);
    finding.lastTime = line.time;
    if (status?.[1] !== undefined) finding.place.vendor = status[1];
    if (status?.[2] !== undefined) finding.place.device = status[2];
    if (bit === null) return true;
    finding.detail = finding.detail === null ? bit : `${finding.detail}, ${bit}`.slice(0, 128);
    finding.severity ??= isCorrectable(bit) ? 'corrected' : 'recoverable';
    return true;
  }

  /** Returns the block to which a line of a device belongs; the start of the block may be missing. */
  #current(line: Line, address: string): Finding {
    const current = this.#blocks.get(address)?.finding;
    if (current !== undefined && line.time - current.lastTime <= BLOCK_SECONDS) return current;
    const finding = this.#findings.open(line, {
      kind: 'aer',
      source: 'aer',
      category: 'pci',
      place: { pciAddress: address },
      link: address,
    });
    this.#blocks.set(address, { finding, header: null });
    return finding;
  }

  #outcome({ address }: PciLine, text: string): boolean {
    const word = RECOVERY.exec(text)?.[1];
    if (word === undefined) return false;
    const finding = this.#byPort.get(address) ?? this.#blocks.get(address)?.finding;
    if (finding !== undefined) finding.outcome = `recovery ${word}`;
    return true;
  }

  #mark(finding: Finding, address: string): void {
    const since = this.#injected.get(address);
    if (since !== undefined && finding.time - since <= INJECTION_SECONDS) finding.injected = true;
  }
}

function names({ finding, port }: Header, address: string): boolean {
  return finding.place.pciAddress === address || port === address;
}

/** @param at index before the first of SEVERITY's two groups. */
function severityOf(match: RegExpExecArray, at = 0): Severity {
  if (match[at + 1]?.toLowerCase() === 'correct') return 'corrected';
  return match[at + 2] === 'Fatal' ? 'fatal' : 'recoverable';
}
