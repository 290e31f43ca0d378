// Memory and device errors reported by EDAC drivers. drivers/edac/edac_mc.c (edac_ce_error, edac_ue_error),
// edac_device.c, edac_pci.c; the machine check that sbridge, skx and i10nm print before: skx_common.c
// skx_mce_output_error, sb_edac.c sbridge_mce_check_error.

import { type Finding, type Findings, type Place, type Recogniser, Unfinished } from './finding.ts';
import type { Line } from './line.ts';
import { MceRecord, continuesMceRecord, startsMceRecord } from './mce-record.ts';
import { locationWords } from './location.ts';

const ERROR = /^EDAC MC(\d{1,4}): (\d{1,10}) (CE|UE) (.{1,1900})$/;
/** Before v3.5: `CE page 0x…, offset 0x…, …, row 3, channel 1, label "A1": amd64_edac`. */
const OLD_ERROR =
  /^EDAC MC\d{1,4}: (CE|UE)(?= page 0x| row \d| - no information available)(.{1,1900})$/;
const OLD_ROW = /\brow (\d{1,4})(?:, channel (\d{1,4}))?/;
const OLD_LABEL = /\blabels? "([^"]{1,200})"/;
const PRELUDE =
  /^EDAC (?:[\w-]{1,32} )?MC\d{1,4}: (?=HANDLING |CPU \d|TSC |ADDR |MISC |PROCESSOR )/;
const DEVICE =
  /^EDAC DEVICE\d{1,4}: (CE|UE): (.{1,64}) instance: (.{1,64}) block: (.{1,64}?)(?: count: (\d{1,10}))? '/;
const PCI =
  /^EDAC PCI\d{0,4}: (?:Bridge )?(?=Parity Error|Non-Parity Error|Signaled System Error|Master Data|Detected Parity)/;
const PCI_ADDRESS = /\b([0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])\b/;
/** The offset ends at the next field: a line that was cut has only some of its digits. */
const PAGE = /[ (]page[: ]0x([0-9a-f]{1,13}),? offset[: ]0x([0-9a-f]{1,8})(?=[ ,)])/;
const SOCKET = /(?: socket:| ProcessorSocketId:0x)([0-9a-f]{1,4})\b/;
const NAMELESS = /^(?:any|unknown) (?:memory|label)$/;
/** A firmware record printed by ghes_edac. drivers/edac/ghes_edac.c. */
const FIRMWARE = /APEI (?:location|status)/;

/**
 * Finds corrected and uncorrected errors that EDAC drivers report for memory, caches and other devices, PCI
 * parity and system errors, and machine checks that a driver prints before its own line.
 */
export class EdacRecogniser implements Recogniser {
  readonly #findings: Findings;
  readonly #pageSize: number;
  /** Machine checks whose EDAC line has not been printed yet. */
  readonly #preludes = new Unfinished<string | null, MceRecord>();

  constructor(findings: Findings, pageSize: number) {
    this.#findings = findings;
    this.#pageSize = pageSize;
  }

  offer(line: Line): boolean {
    if (!line.text.startsWith('EDAC ')) return false;
    const error = ERROR.exec(line.text);
    if (error !== null) {
      this.#preludes.delete(line.caller);
      this.#error(line, Number(error[2]), error[3] === 'CE', error[4] ?? '');
      return true;
    }
    const old = OLD_ERROR.exec(line.text);
    if (old !== null) {
      this.#open(line, {
        count: 1,
        corrected: old[1] === 'CE',
        place: oldPlace(old[2] ?? '', this.#pageSize),
      });
      return true;
    }
    const prelude = PRELUDE.exec(line.text)?.[0];
    if (prelude !== undefined) this.#prelude(line, line.text.slice(prelude.length));
    else if (!this.#device(line)) this.#pci(line);
    return true;
  }

  #error(line: Line, count: number, corrected: boolean, text: string): void {
    const { message, place } = edacMemory(text, this.#pageSize);
    const finding = this.#open(line, { count, corrected, place });
    finding.detail = message;
    if (FIRMWARE.test(text)) finding.link = 'firmware';
  }

  #open(
    line: Line,
    { count, corrected, place }: { count: number; corrected: boolean; place: Place },
  ): Finding {
    return this.#findings.open(line, {
      kind: 'edac',
      source: 'edac',
      category: 'memory',
      severity: corrected ? 'corrected' : 'recoverable',
      count,
      place,
    });
  }

  #prelude(line: Line, text: string): void {
    const first = text.startsWith('HANDLING ');
    const fresh = first || startsMceRecord(text);
    let record = this.#preludes.get(line.caller, line);
    if (record === undefined || first || (fresh && record.identified)) {
      record = new MceRecord(
        this.#findings.open(line, { kind: 'mce', source: 'mce', category: 'memory', link: 'edac' }),
      );
      this.#preludes.set(line.caller, record);
    }
    record.finding.lastTime = line.time;
    if (fresh || continuesMceRecord(text)) record.add(text);
  }

  #device(line: Line): boolean {
    const match = DEVICE.exec(line.text);
    if (match === null) return false;
    const [, word, controller = '', instance = '', block = '', count] = match;
    const cache = /L1|L2|cache|cpu/i.test(`${controller} ${block}`);
    this.#findings.open(line, {
      kind: 'edac',
      source: 'edac',
      category: cache ? 'cpu' : 'others',
      severity: word === 'CE' ? 'corrected' : 'recoverable',
      count: count === undefined ? 1 : Number(count),
      detail: `${controller} ${instance} ${block}`,
    });
    return true;
  }

  #pci(line: Line): void {
    if (!PCI.test(line.text)) return;
    const pciAddress = PCI_ADDRESS.exec(line.text)?.[1];
    this.#findings.open(line, {
      kind: 'edac',
      source: 'edac',
      category: 'pci',
      severity: 'recoverable',
      place: pciAddress === undefined ? {} : { pciAddress },
    });
  }
}

/** @param text `[<message> ]on <label> (<location> page:… offset:… grain:…[ - <detail>])`. */
export function edacMemory(
  text: string,
  pageSize: number,
): { readonly message: string | null; readonly place: Place } {
  const place: Place = {};
  const on = text.startsWith('on ') ? 0 : text.indexOf(' on ') + 1;
  const page = PAGE.exec(text);
  const open = text.lastIndexOf('(', page === null ? text.length : page.index);
  // Without the bracket the line was cut, maybe within the label.
  const label = text.slice(on + 'on '.length, Math.max(open, 0)).trim();
  if (label !== '' && !NAMELESS.test(label)) place.label = label;
  if (page !== null) {
    const apei = text.indexOf('APEI location: ');
    const location =
      locationWords(text.slice(open + 1, page.index)) ??
      (apei === -1 ? null : locationWords(text.slice(apei + 'APEI location: '.length)));
    if (location !== null) place.location = location;
    const address = pageAddress(text, pageSize);
    if (address !== 0n) place.physicalAddress = address;
  }
  const socket = SOCKET.exec(text)?.[1];
  if (socket !== undefined) place.socket = Number.parseInt(socket, 16);
  const message = text.slice(0, Math.max(on - 1, 0)).trim();
  return { message: message === '' ? null : message, place };
}

function oldPlace(text: string, pageSize: number): Place {
  const place: Place = {};
  const label = OLD_LABEL.exec(text)?.[1];
  if (label !== undefined) place.label = label;
  const [, row, channel] = OLD_ROW.exec(text) ?? [];
  if (row !== undefined) {
    place.location = channel === undefined ? `csrow:${row}` : `csrow:${row} channel:${channel}`;
  }
  const address = pageAddress(text, pageSize);
  if (address !== 0n) place.physicalAddress = address;
  return place;
}

/** Returns 0 if the address is missing or unknown to the driver. */
function pageAddress(text: string, pageSize: number): bigint {
  const [, page = '0', offset = '0'] = PAGE.exec(text) ?? [];
  return BigInt(`0x${page}`) * BigInt(pageSize) + BigInt(`0x${offset}`);
}
