// From a symbol's name to its address, by the kernel's own table of symbols in the dump.
// kallsyms_seqs_of_names (since v6.2, 60443c88f3a8) lists the symbols by name, so that a name is
// found in some 18 steps and 35 pages; without it, or where it is not in order, every name is read.

import { ascii, compareBytes, cString, hasBytesAt } from '../bytes/text.ts';
import { addVirt } from '../bytes/units.ts';
import type { Vmcoreinfo } from '../container/vmcoreinfo.ts';
import { Corrupt, VmcoreError } from '../errors.ts';
import type { Limits } from '../limits.ts';
import type { VirtualMemory } from '../memory/virtual-memory.ts';
import { type AddressOf, kallsymsAddresses } from './kallsyms-addresses.ts';
import { KallsymsNames, NAMES_PER_MARKER } from './kallsyms-names.ts';
import type { KernelSymbol, SymbolSource } from './symbol-source.ts';
import { type KallsymsTables, kallsymsTables } from './kallsyms-tables.ts';

/** Places on either side of the middle that a search chooses from. */
const PROBE_REACH = 16;

export class Kallsyms implements SymbolSource {
  readonly kind = 'kallsyms';
  readonly #tables: KallsymsTables;
  readonly #names: KallsymsNames;
  readonly #addressOf: AddressOf;
  /** The order by name; undefined when all names must be walked. */
  #byName: SymbolsByName | undefined;

  private constructor(tables: KallsymsTables, names: KallsymsNames, addressOf: AddressOf) {
    this.#tables = tables;
    this.#names = names;
    this.#addressOf = addressOf;
    this.#byName = seqsOfNames(tables);
  }

  /**
   * @throws Corrupt (`no_kallsyms`) when VMCOREINFO does not name the tables, or they do not hold
   *   together.
   * @throws PageMissing when a page that is needed is not in the dump.
   */
  static open(info: Vmcoreinfo, memory: VirtualMemory, limits: Limits): Kallsyms {
    const stext = info.symbol('_stext');
    if (stext === undefined) {
      throw new Corrupt('no_kallsyms', 'vmcoreinfo', 'want SYMBOL(_stext), got none');
    }
    const tables = kallsymsTables(info, memory, limits);
    const names = KallsymsNames.open(tables);
    return new Kallsyms(tables, names, kallsymsAddresses(tables, names, stext));
  }

  find(name: string, suffixes: readonly string[] = []): KernelSymbol | undefined {
    const found = this.#entryOf(ascii(name), suffixes.map(ascii));
    return found && this.#symbol(found);
  }

  #entryOf(name: Uint8Array, suffixes: readonly Uint8Array[]): Entry | undefined {
    if (this.#byName !== undefined) {
      try {
        return this.#search(this.#byName, name, suffixes);
      } catch (error) {
        if (!(error instanceof NotInOrder || error instanceof VmcoreError)) throw error;
        this.#byName = undefined;
      }
    }
    return this.#walk(name, suffixes);
  }

  /** @throws NotInOrder when the names met on the way are not sorted. */
  #search(
    byName: SymbolsByName,
    name: Uint8Array,
    suffixes: readonly Uint8Array[],
  ): Entry | undefined {
    let low = 0;
    let high = this.#tables.count;
    let lowEntry: Entry | undefined;
    let highEntry: Entry | undefined;
    while (low < high) {
      const [middle, i] = probe(byName, low, high);
      // A symbol has one place, so a table that names it at two is damaged, if only with zeros.
      if (i === lowEntry?.i || i === highEntry?.i) throw new NotInOrder();
      const here = this.#names.at(i);
      if (lowEntry && compareBytes(here, lowEntry.name) < 0) throw new NotInOrder();
      if (highEntry && compareBytes(here, highEntry.name) > 0) throw new NotInOrder();
      if (compareBytes(here, name) < 0) {
        low = middle + 1;
        lowEntry = { i, name: here };
      } else {
        high = middle;
        highEntry = { i, name: here };
      }
    }
    let end = low;
    for (; end < this.#tables.count; end++) {
      const i = byName(end, 1)[0] ?? 0;
      const here = this.#names.at(i);
      if (isNamed(here, name, suffixes)) return { i, name: here };
      if (!hasBytesAt(here, 0, name)) break;
    }
    this.#requireOrder(byName, low - 2);
    this.#requireOrder(byName, end);
    return undefined;
  }

  /**
   * One damaged name can send a search astray and contradict nothing that it meets; but then the
   * search ends beside that name, whose neighbour on the other side does not fit.
   *
   * @throws NotInOrder unless the name at the place and the next one are sorted.
   */
  #requireOrder(byName: SymbolsByName, place: number): void {
    if (place < 0 || place + 1 >= this.#tables.count) return;
    const [one, other] = byName(place, 2).map((i) => this.#names.at(i));
    if (one && other && compareBytes(one, other) > 0) throw new NotInOrder();
  }

  #walk(name: Uint8Array, suffixes: readonly Uint8Array[]): Entry | undefined {
    let i = 0;
    let found: Entry | undefined;
    let suffixed: Entry | undefined;
    for (const here of this.#names.all()) {
      // Its number is believed once the next marker was met.
      if (found !== undefined && i % NAMES_PER_MARKER === 0) return found;
      if (compareBytes(here, name) === 0) found ??= { i, name: here };
      else if (isNamed(here, name, suffixes)) suffixed ??= { i, name: here };
      i++;
    }
    return found ?? suffixed;
  }

  #symbol({ i, name }: Entry): KernelSymbol {
    const address = this.#addressOf(i);
    let room: bigint | undefined;
    for (let j = i + 1; j < this.#tables.count && room === undefined; j++) {
      const next = this.#addressOf(j);
      if (next !== address) room = next - address;
    }
    return { name: cString(name), address, room };
  }
}

/** A symbol that was found: its number in the order of addresses. */
interface Entry {
  readonly i: number;
  readonly name: Uint8Array;
}

/** The table by name is damaged, or sorted by another rule. */
class NotInOrder extends Error {}

function isNamed(here: Uint8Array, name: Uint8Array, suffixes: readonly Uint8Array[]): boolean {
  if (!hasBytesAt(here, 0, name)) return false;
  if (here.length === name.length) return true;
  return suffixes.some((suffix) => hasBytesAt(here, name.length, suffix));
}

/** The numbers of `length` symbols from a place of the order by name on. */
type SymbolsByName = (place: number, length: number) => number[];

/** kallsyms_seqs_of_names: three bytes a symbol, big-endian, behind relative_base or the offsets. */
function seqsOfNames(tables: KallsymsTables): SymbolsByName | undefined {
  const { memory, count, offsets, relativeBaseAt } = tables;
  if (offsets === undefined) return undefined;
  const start =
    relativeBaseAt === undefined
      ? addVirt(offsets, 4 * count)
      : addVirt(relativeBaseAt, memory.order.wordBits / 8);
  return (place, length) => {
    const seqs = memory.cursor(addVirt(start, 3 * place), 3 * length, 'kallsyms_seqs_of_names');
    return Array.from({ length }, () => {
      const i = (seqs.u8() << 16) | (seqs.u8() << 8) | seqs.u8();
      if (i >= count) throw new NotInOrder();
      return i;
    });
  };
}

/**
 * A place about the middle, and its symbol. Of those near it, the one whose name lies closest behind
 * a marker: names are walked from there, so the marker's page is mostly the only one needed.
 */
function probe(byName: SymbolsByName, low: number, high: number): [place: number, i: number] {
  const reach = Math.min(PROBE_REACH, (high - low) >>> 3);
  const first = ((low + high) >>> 1) - reach;
  const near = byName(first, 2 * reach + 1);
  const steps = near.map((i) => i % NAMES_PER_MARKER);
  const best = steps.indexOf(Math.min(...steps));
  return [first + best, near[best] ?? 0];
}
