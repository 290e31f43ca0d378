// The order of kallsyms by name: kallsyms_seqs_of_names since 60443c88f3a8 ("kallsyms: Improve
// the performance of kallsyms_lookup_name()") (in v6.2). It lists the numbers of the symbols as their
// names sort, so that a name is found in some 18 steps and 35 pages.

import { compareBytes, hasBytesAt } from '../bytes/text.ts';
import { type VirtAddr, addVirt } from '../bytes/units.ts';
import { type KallsymsNames, NAMES_PER_MARKER } from './kallsyms-names.ts';
import { PageMissing } from '../errors.ts';
import type { KallsymsTables } from './kallsyms-tables.ts';

/** Places on either side of the middle that a search chooses from. */
const PROBE_REACH = 16;
/** Bits in which a name may differ from the wanted one and still be it, through a damaged token. */
const FEW_BITS = 4;

/** A symbol's name, and its number in the order of addresses. */
export interface Entry {
  readonly i: number;
  readonly name: Uint8Array;
}

/** The order is damaged, or made by another rule. */
export class NotInOrder extends Error {}

/**
 * The symbols in the order of their names, for a binary search. Each step of it is checked, for
 * VMCOREINFO does not say where the table is.
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

  /** Behind relative_base or the offsets; undefined in kernels that have whole addresses, and none. */
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
   * The symbols of that name, else those with one of the suffixes: the first two, for one alone is
   * not ambiguous.
   *
   * @throws NotInOrder when the names read on the way are not sorted.
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
   * Whether the names around the place of a name that was not found are what they say. One damaged
   * token changes many names at once, in the table's own order: then names further and further away
   * are not sorted, or one beside the place is the wanted one but for a few bits.
   *
   * @param reach how many places away to look at most.
   * @throws NotInOrder when the names read on the way to the place are not sorted.
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

  /** The first place whose name does not sort before the wanted one. */
  #lowerBound(name: Uint8Array): number {
    let low = 0;
    let high = this.#tables.count;
    let lowEntry: Entry | undefined;
    let highEntry: Entry | undefined;
    while (low < high) {
      const [middle, i] = this.#probe(low, high);
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
    return low;
  }

  /**
   * A corrupt name can misdirect a binary search without breaking the order seen so far; but then the
   * search ends beside that name, whose neighbour on the other side does not fit.
   *
   * @throws NotInOrder unless the name at the place and the next one are sorted.
   */
  #requireOrder(place: number): void {
    if (place < 0 || place + 1 >= this.#tables.count) return;
    const [one, other] = this.#seqs(place, 2).map((i) => this.#names.at(i));
    if (one && other && compareBytes(one, other) > 0) throw new NotInOrder();
  }

  /**
   * A place about the middle, and its symbol. Of those near it, the one whose name lies closest behind
   * a marker: names are walked from there, so the marker's page is mostly the only one needed.
   */
  #probe(low: number, high: number): [place: number, i: number] {
    const reach = Math.min(PROBE_REACH, (high - low) >>> 3);
    const first = ((low + high) >>> 1) - reach;
    const near = this.#seqs(first, 2 * reach + 1);
    const steps = near.map((i) => i % NAMES_PER_MARKER);
    const best = steps.indexOf(Math.min(...steps));
    return [first + best, near[best] ?? 0];
  }

  /** undefined at the end, and where the page of the next name is not in the dump. */
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

  /** The numbers of `length` symbols from a place on: three bytes each, big-endian. */
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

/** Whether one of the suffixes stands at that place of a name. */
export function hasSuffix(here: Uint8Array, at: number, suffixes: readonly Uint8Array[]): boolean {
  return suffixes.some((suffix) => hasBytesAt(here, at, suffix));
}

/** Whether a name begins with the wanted one but for a few bits. */
function isDamagedForm(here: Uint8Array, wanted: Uint8Array): boolean {
  if (here.length < wanted.length) return false;
  let bits = 0;
  for (let i = 0; i < wanted.length && bits <= FEW_BITS; i++) {
    for (let rest = (here[i] ?? 0) ^ (wanted[i] ?? 0); rest !== 0; rest &= rest - 1) bits++;
  }
  return bits > 0 && bits <= FEW_BITS;
}
