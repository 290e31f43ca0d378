// The order of kallsyms by name: kallsyms_seqs_of_names since 60443c88f3a8 ("kallsyms: Improve the
// performance of kallsyms_lookup_name()") (in v6.2). It lists the symbol numbers sorted by name, so that a
// name is found in about 18 steps and 35 pages.

import { compareBytes, hasBytesAt } from '../bytes/text.ts';
import { type VirtAddr, addVirt } from '../bytes/units.ts';
import { type KallsymsNames, NAMES_PER_MARKER } from './kallsyms-names.ts';
import { PageMissing } from '../errors.ts';
import type { KallsymsTables } from './kallsyms-tables.ts';

/** Maximum distance from the middle at which a search may probe. */
const PROBE_REACH = 16;
/** Maximum number of different bits with which a name may still be a damaged form of the wanted one. */
const FEW_BITS = 4;

/** A symbol's name and its index in the order of addresses. */
export interface Entry {
  readonly i: number;
  readonly name: Uint8Array;
}

/** The table is damaged, or sorted by another rule. */
export class NotInOrder extends Error {}

/**
 * The symbols sorted by name, for a binary search. Each step is checked, because VMCOREINFO does not give the
 * table's address.
 */
export class KallsymsOrder {
  readonly #tables: KallsymsTables;
  readonly #names: KallsymsNames;
  readonly #start: VirtAddr;

  private constructor(tables: KallsymsTables, names: KallsymsNames, start: VirtAddr) {
    this.#tables = tables;
    this.#names = names;
    this.#start = start;
  }

  /**
   * Opens the table after relative_base or the offsets; undefined for kernels with absolute addresses, which
   * have none.
   */
  static open(tables: KallsymsTables, names: KallsymsNames): KallsymsOrder | undefined {
    const { memory, count, offsets, relativeBaseAt } = tables;
    if (offsets === undefined) return undefined;
    const start =
      relativeBaseAt === undefined
        ? addVirt(offsets, 4 * count)
        : addVirt(relativeBaseAt, memory.order.wordBits / 8);
    return new KallsymsOrder(tables, names, start);
  }

  /**
   * Returns the symbols of that name, else those with one of the suffixes; at most two, because one is
   * unambiguous.
   *
   * @throws NotInOrder if the names read on the way are not sorted.
   */
  find(name: Uint8Array, suffixes: readonly Uint8Array[]): Entry[] {
    const first = this.#lowerBound(name);
    const suffixed: Entry[] = [];
    let end = first;
    for (; end < this.#tables.count && suffixed.length < 2; end++) {
      const here = this.#entry(end);
      if (!hasBytesAt(here.name, 0, name)) break;
      if (here.name.length === name.length) {
        const next = this.#nextEntry(end);
        const isTwice = next !== undefined && compareBytes(next.name, name) === 0;
        return isTwice ? [here, next] : [here];
      }
      if (hasSuffix(here.name, name.length, suffixes)) suffixed.push(here);
    }
    if (suffixed.length > 0) return suffixed;
    this.#requireOrder(first - 2);
    this.#requireOrder(end);
    return [];
  }

  /**
   * Whether the names around the position of an absent name are intact. A damaged token changes many names at
   * once, in the order of the table: then names at growing distances are not sorted, or a name near the
   * position differs from the wanted one only in a few bits.
   *
   * @param reach maximum distance to examine.
   * @throws NotInOrder if the names read on the way to the position are not sorted.
   */
  isGap(name: Uint8Array, reach: number): boolean {
    const place = this.#lowerBound(name);
    return (
      this.#leadsAway(name, reach, (distance) => place - distance, -1) &&
      this.#leadsAway(name, reach, (distance) => place + distance - 1, 1)
    );
  }

  #leadsAway(
    name: Uint8Array,
    reach: number,
    placeAt: (distance: number) => number,
    sign: -1 | 1,
  ): boolean {
    let last = name;
    for (let distance = 1; distance <= reach; distance *= 2) {
      const place = placeAt(distance);
      if (place < 0 || place >= this.#tables.count) return true;
      const here = this.#entry(place).name;
      if (sign * compareBytes(here, last) < 0 || isDamagedForm(here, name)) return false;
      last = here;
    }
    return true;
  }

  /** Returns the first position whose name does not sort before the wanted one. */
  #lowerBound(name: Uint8Array): number {
    let low = 0;
    let high = this.#tables.count;
    let lowEntry: Entry | undefined;
    let highEntry: Entry | undefined;
    while (low < high) {
      const [middle, i] = this.#probe(low, high);
      // A symbol has one position, so a table with a symbol at two positions is damaged, for example zeroed.
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
    return low;
  }

  /**
   * A corrupt name can misdirect the binary search without breaking the order seen so far; but then the
   * search ends next to that name, whose neighbour on the other side is out of order.
   *
   * @throws NotInOrder unless the name at the position and the next one are sorted.
   */
  #requireOrder(place: number): void {
    if (place < 0 || place + 1 >= this.#tables.count) return;
    const [one, other] = this.#seqs(place, 2).map((i) => this.#names.at(i));
    if (one && other && compareBytes(one, other) > 0) throw new NotInOrder();
  }

  /**
   * Returns a position near the middle, and its symbol: the one whose name is closest after a marker. Names
   * are scanned from a marker, so usually only the marker's page is needed.
   */
  #probe(low: number, high: number): [place: number, i: number] {
    const reach = Math.min(PROBE_REACH, (high - low) >>> 3);
    const first = ((low + high) >>> 1) - reach;
    const near = this.#seqs(first, 2 * reach + 1);
    const steps = near.map((i) => i % NAMES_PER_MARKER);
    const best = steps.indexOf(Math.min(...steps));
    return [first + best, near[best] ?? 0];
  }

  /** Returns undefined at the end, or if the page of the next name is not in the dump. */
  #nextEntry(place: number): Entry | undefined {
    if (place + 1 >= this.#tables.count) return undefined;
    try {
      return this.#entry(place + 1);
    } catch (error) {
      if (error instanceof PageMissing) return undefined;
      throw error;
    }
  }

  #entry(place: number): Entry {
    const [i = 0] = this.#seqs(place, 1);
    return { i, name: this.#names.at(i) };
  }

  /** Returns `length` symbol numbers from a position on: three bytes each, big-endian. */
  #seqs(place: number, length: number): number[] {
    const { memory, count } = this.#tables;
    const at = addVirt(this.#start, 3 * place);
    const seqs = memory.cursor(at, 3 * length, 'kallsyms_seqs_of_names');
    return Array.from({ length }, () => {
      const i = (seqs.u8() << 16) | (seqs.u8() << 8) | seqs.u8();
      if (i >= count) throw new NotInOrder();
      return i;
    });
  }
}

/** Whether a name has one of the suffixes at that offset. */
export function hasSuffix(here: Uint8Array, at: number, suffixes: readonly Uint8Array[]): boolean {
  return suffixes.some((suffix) => hasBytesAt(here, at, suffix));
}

/** Whether a name begins with the wanted one except for a few bits. */
function isDamagedForm(here: Uint8Array, wanted: Uint8Array): boolean {
  if (here.length < wanted.length) return false;
  let bits = 0;
  for (let i = 0; i < wanted.length && bits <= FEW_BITS; i++) {
    for (let rest = (here[i] ?? 0) ^ (wanted[i] ?? 0); rest !== 0; rest &= rest - 1) bits++;
  }
  return bits > 0 && bits <= FEW_BITS;
}
