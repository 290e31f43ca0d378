// The record of a machine check, line by line: as printed raw by the kernel (arch/x86/kernel/cpu/mce/core.c
// __print_mce) and again by EDAC drivers.

import type { Finding } from './finding.ts';
import {
  amdCategory,
  intelCategory,
  isAmd,
  isAmdPoison,
  isDeadly,
  isIntelPoison,
  statusAddress,
  statusSeverity,
} from './mce-status.ts';

/** `Exception` means that it was a #MC; otherwise EDAC prints `Event`. Old kernels pad MCG_STATUS with blanks. */
const HEAD =
  /^CPU (\d{1,6}): Machine Check( Exception| Event)?: {1,16}(?:0x)?[0-9a-f]{1,16} Bank (\d{1,3}): ?(.{0,20})/;
/** Without 0x it has all its digits: a line that was cut has fewer, and they are in the wrong places. */
const STATUS = /^(?:0x([0-9a-f]{1,16})|([0-9a-f]{16}))(?![0-9a-f])/;
const BODY = /^(?:TSC|ADDR|MISC|PROCESSOR) /;
const PROCESSOR = /PROCESSOR (\d{1,3}):/;
const SOCKET = /SOCKET (\d{1,5})\b/;
/** A bank that does not exist: the kernel made the record from a firmware record. mce/apei.c. */
const FIRMWARE_BANK = 255;
const FIRMWARE = 'firmware';

/** Whether the text, without its prefix, begins a record: with CPU, bank and MCi_STATUS. */
export function startsMceRecord(text: string): boolean {
  return HEAD.test(text);
}

/** Whether the text, without its prefix, continues a record: TSC, ADDR, MISC or PROCESSOR. */
export function continuesMceRecord(text: string): boolean {
  return BODY.test(text);
}

/** Fills in the finding of a machine check from the registers in its lines. */
export class MceRecord {
  readonly finding: Finding;
  #status: bigint | null = null;
  #isException = false;
  #timestamp: bigint | null = null;
  #address: bigint | null = null;
  #misc: bigint | null = null;
  #ipid: bigint | null = null;
  #vendor: number | null = null;

  constructor(finding: Finding) {
    this.finding = finding;
  }

  /** Adds a line; several fields may share a line, in any order. */
  add(text: string): void {
    const { place } = this.finding;
    const head = HEAD.exec(text);
    if (head !== null) {
      place.cpu = Number(head[1]);
      place.bank = Number(head[3]);
      const [, prefixed, bare] = STATUS.exec(head[4] ?? '') ?? [];
      const status = prefixed ?? bare;
      this.#status = status === undefined ? null : BigInt(`0x${status}`);
      this.#isException = head[2] === ' Exception';
      if (this.#isException) this.finding.hwerrCategory = 'others';
      if (place.bank === FIRMWARE_BANK) this.finding.link = FIRMWARE;
    }
    this.#timestamp = hexField(text, 'TSC') ?? this.#timestamp;
    this.#address = hexField(text, 'ADDR') ?? this.#address;
    this.#misc = hexField(text, 'MISC') ?? this.#misc;
    this.#ipid = hexField(text, 'IPID') ?? this.#ipid;
    const vendor = PROCESSOR.exec(text)?.[1];
    if (vendor !== undefined) this.#vendor = Number(vendor);
    const socket = SOCKET.exec(text)?.[1];
    if (socket !== undefined) place.socket = Number(socket);
    this.#conclude();
    if (!this.#isOfFirmware) return;
    // The CPU that read the record had no error itself.
    delete place.cpu;
    delete place.socket;
    delete place.bank;
  }

  get #isOfFirmware(): boolean {
    return this.finding.link === FIRMWARE;
  }

  #conclude(): void {
    const { finding } = this;
    const status = this.#status;
    if (status === null) return;
    const amd = isAmd(this.#vendor) && !this.#isOfFirmware;
    finding.severity = statusSeverity(status, amd);
    // Found at CPU start, without an exception: mce/core.c __mcheck_cpu_init_prepare_banks().
    const isLeft = !this.#isException && this.#timestamp === 0n && isDeadly(status);
    finding.previousBoot = isLeft && !this.#isOfFirmware;
    const category = amd
      ? amdCategory(finding.place.bank ?? null, this.#ipid)
      : intelCategory(status, this.#address !== null);
    const poison = amd ? isAmdPoison(status, category === 'cpu') : isIntelPoison(status);
    finding.kind = poison ? 'consumption' : 'mce';
    finding.category = poison && this.#address !== null ? 'memory' : category;
    delete finding.place.physicalAddress;
    // AMD's memory controllers give addresses within their channel.
    if (finding.category !== 'memory' || (amd && !poison) || this.#address === null) return;
    const address = amd ? this.#address : statusAddress(status, this.#address, this.#misc);
    if (address !== undefined) finding.place.physicalAddress = address;
  }

  /** Whether the first line was seen: another first line begins another record. */
  get identified(): boolean {
    return this.#status !== null;
  }

  /** A key for the same error printed twice: mce_panic() prints pending records, then the fatal one. */
  get identity(): string | null {
    const { cpu, bank } = this.finding.place;
    if (this.#status === null || this.finding.severity === 'corrected') return null;
    return `${cpu ?? ''}/${bank ?? ''}/${this.#status}`;
  }
}

/** @returns the number after ` NAME `; null if it is missing. */
function hexField(text: string, name: string): bigint | null {
  const at = text.startsWith(`${name} `) ? 0 : text.indexOf(` ${name} `) + 1;
  if (at === 0 && !text.startsWith(`${name} `)) return null;
  const digits = /^(?:0x)?([0-9a-f]{1,16})(?![0-9a-f])/.exec(text.slice(at + name.length + 1))?.[1];
  return digits === undefined ? null : BigInt(`0x${digits}`);
}
