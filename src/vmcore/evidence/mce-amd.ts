// Machine checks of AMD, decoded by the kernel. drivers/edac/mce_amd.c amd_decode_mce(). The number of words
// in the brackets depends on the family, so only the status word is used.

import type { Category, Severity } from './hardware-event.ts';
import { type Finding, type Findings, type Recogniser, Unfinished } from './finding.ts';
import type { Line } from './line.ts';
import { amdCategory, isAmdPoison, statusSeverity } from './mce-status.ts';

const PREFIX = '[Hardware Error]: ';
const OUTCOME =
  /^(?:Error Status: )?(Corrected|Deferred|Uncorrected|System Fatal)(?: error[,.]|, software )/;
const OUTCOMES: ReadonlyMap<string, Severity> = new Map([
  ['Corrected', 'corrected'],
  ['Deferred', 'recoverable'],
  ['Uncorrected', 'recoverable'],
  ['System Fatal', 'fatal'],
]);
/** Registers have all their digits, unless the line was cut. The status may be a continuation of its own. */
const STATUS =
  /^(?:CPU:(\d{1,6})[ \t](?:\([0-9a-f:]{1,16}\) ?)?)?MC(\d{1,3})_STATUS\[[^\]]{0,200}(?:\]: 0x([0-9a-f]{16}))?/;
const STATUS_FRAGMENT = /^[^\]]{0,200}\]: 0x([0-9a-f]{16})$/;
/** `MC4 Error (node 0): DRAM ECC error detected on the NB.`, before families with SMCA. */
const LEGACY = /^(?:MC(\d{1,2})|Northbridge) Error(?: \(node \d{1,4}\))?: ?(.{0,200})$/;
const LEGACY_FRAGMENT = /^(?:DRAM|L3|ECC) .{1,200}$/;
/** In old kernels `Extended`, and the text in a line of its own: `Load Store Unit Error: …`. */
const UNIT = /^(.{1,100}) (?:Ext\.|Extended) Error Code: \d{1,3}(?:, (.{1,200}))?$/;
const UNIT_TEXT = /^(.{1,100}) Error: (.{1,200})$/;
const IPID = /^IPID: 0x([0-9a-f]{16})/;
/** `MC4_ADDR` and `MC4 Error Address` before v4.10. */
const ADDRESS = /^\t?(?:Error Addr|MC\d{1,3}_ADDR|MC\d{1,3} Error Address): 0x([0-9a-f]{16})/;
const FRU = /^FRU Text: (.{1,64})$/;
const END = /^(?:cache level: |internal: )/;
const RESERVED = /^Bank \d{1,3} is reserved/;

const NORTHBRIDGE = 4;

interface Block {
  readonly finding: Finding;
  /** Kinds of lines seen so far: a repeated kind begins the next error. */
  readonly seen: Set<string>;
  status: bigint | null;
  address: bigint | null;
  ipid: bigint | null;
  legacy: boolean;
}

/** Finds machine checks of AMD decoded by the kernel, one per block of lines of a caller. */
export class AmdMceRecogniser implements Recogniser {
  readonly #findings: Findings;
  readonly #blocks = new Unfinished<string | null, Block>();

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  offer(line: Line): boolean {
    if (!line.text.startsWith(PREFIX)) return this.#continuation(line);
    const text = line.text.slice(PREFIX.length);
    if (END.test(text)) {
      this.#blocks.delete(line.caller);
      return true;
    }
    return (
      this.#outcome(line, text) ||
      this.#status(line, text) ||
      this.#unit(line, text) ||
      this.#detail(line, text)
    );
  }

  #outcome(line: Line, text: string): boolean {
    const word = OUTCOME.exec(text)?.[1];
    if (word === undefined) return false;
    const { finding } = this.#block(line, 'outcome');
    finding.severity = OUTCOMES.get(word) ?? null;
    return true;
  }

  #status(line: Line, text: string): boolean {
    const match = STATUS.exec(text);
    if (match === null) return false;
    const [, cpu, bank, word] = match;
    const block = this.#block(line, 'status');
    if (cpu !== undefined) block.finding.place.cpu = Number(cpu);
    block.finding.place.bank = Number(bank);
    if (word !== undefined) block.status = BigInt(`0x${word}`);
    this.#conclude(block);
    return true;
  }

  /** Handles text of pr_cont(), which is a record without a prefix if another CPU printed in between. */
  #continuation(line: Line): boolean {
    const block = this.#blocks.get(line.caller, line);
    if (block === undefined) return false;
    const word = STATUS_FRAGMENT.exec(line.text)?.[1];
    if (word !== undefined && block.status === null && block.seen.has('status')) {
      block.status = BigInt(`0x${word}`);
    } else if (block.legacy && block.finding.detail === '' && LEGACY_FRAGMENT.test(line.text)) {
      block.finding.detail = line.text;
    } else return false;
    this.#conclude(block);
    return true;
  }

  #unit(line: Line, text: string): boolean {
    const legacy = LEGACY.exec(text);
    if (legacy !== null) {
      const block = this.#block(line, 'unit');
      block.legacy = true;
      block.finding.place.bank ??= Number(legacy[1] ?? NORTHBRIDGE);
      block.finding.detail = legacy[2] ?? '';
      this.#conclude(block);
      return true;
    }
    const unit = UNIT.exec(text);
    if (unit === null) return this.#unitText(line, text);
    const block = this.#block(line, 'unit');
    block.finding.place.unit = unit[1] ?? '';
    block.finding.detail = unit[2] ?? null;
    this.#conclude(block);
    return true;
  }

  #unitText(line: Line, text: string): boolean {
    const [, unit, detail] = UNIT_TEXT.exec(text) ?? [];
    const finding = this.#blocks.get(line.caller, line)?.finding;
    if (unit === undefined || finding?.place.unit !== unit) return false;
    finding.detail ??= detail ?? null;
    return true;
  }

  #detail(line: Line, text: string): boolean {
    const address = ADDRESS.exec(text)?.[1];
    const ipid = IPID.exec(text)?.[1];
    const fru = FRU.exec(text)?.[1]?.trim();
    const kind =
      address !== undefined
        ? 'address'
        : ipid !== undefined
          ? 'ipid'
          : fru !== undefined
            ? 'fru'
            : null;
    if (kind === null) return text.startsWith('PPIN: ') || RESERVED.test(text);
    const block = this.#block(line, kind);
    if (address !== undefined) block.address = BigInt(`0x${address}`);
    if (ipid !== undefined) block.ipid = BigInt(`0x${ipid}`);
    if (fru !== undefined && fru !== '') block.finding.place.fru = fru;
    this.#conclude(block);
    return true;
  }

  /** Returns the error that a caller is printing; `part` is the kind of the next line. */
  #block(line: Line, part: string): Block {
    let block = this.#blocks.get(line.caller, line);
    if (block === undefined || block.seen.has(part)) {
      const finding = this.#findings.open(line, { kind: 'mce', source: 'mce' });
      block = {
        ...{ finding, seen: new Set<string>(), legacy: false },
        ...{ status: null, address: null, ipid: null },
      };
      this.#blocks.set(line.caller, block);
    }
    block.seen.add(part);
    block.finding.lastTime = line.time;
    return block;
  }

  #conclude({ finding, status, address, ipid, legacy }: Block): void {
    const { place, detail } = finding;
    if (status !== null) finding.severity ??= statusSeverity(status, true);
    if (place.unit !== undefined) finding.category = unitCategory(place.unit);
    else if (legacy) finding.category = legacyCategory(place.bank ?? NORTHBRIDGE, detail ?? '');
    else finding.category = amdCategory(place.bank ?? null, ipid);
    if (finding.category === 'memory' && place.fru !== undefined) place.label = place.fru;
    if (status !== null && place.cpu !== undefined && finding.severity !== 'corrected') {
      finding.link = `${place.cpu}/${place.bank ?? ''}/${status}`;
    }
    const poison = status !== null && isAmdPoison(status, finding.category === 'cpu');
    if (poison && address !== null) {
      finding.kind = 'consumption';
      finding.category = 'memory';
    }
    // The northbridge has system addresses; newer memory controllers have addresses within their channel.
    if ((poison || legacy) && finding.category === 'memory' && address !== null) {
      place.physicalAddress = address;
    }
  }
}

/** Maps names of smca_names (arch/x86/kernel/cpu/mce/amd.c). */
function unitCategory(unit: string): Category {
  if (unit.includes('Memory Controller')) return 'memory';
  if (/PCIE|PCI Express|Northbridge IO|NBIO/i.test(unit)) return 'pci';
  return /Load Store|Instruction Fetch|L[123] Cache|Decode|Execution|Floating Point|Platform Security/.test(
    unit,
  )
    ? 'cpu'
    : 'others';
}

function legacyCategory(bank: number, text: string): Category {
  if (bank !== NORTHBRIDGE || /\bL3\b/.test(text)) return 'cpu';
  return /DRAM|ECC/.test(text) ? 'memory' : 'others';
}
