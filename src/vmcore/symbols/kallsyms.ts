// From a symbol's name to its address, by the kernel's own table of symbols in the dump: by the order
// of names; where there is none or it is damaged, every name is read.

import { ascii, cString, compareBytes, hasBytesAt } from '../bytes/text.ts';
import type { Vmcoreinfo } from '../container/vmcoreinfo.ts';
import { Corrupt, PageMissing, VmcoreError } from '../errors.ts';
import type { Limits } from '../limits.ts';
import type { VirtualMemory } from '../memory/virtual-memory.ts';
import { type AddressOf, kallsymsAddresses } from './kallsyms-addresses.ts';
import { KallsymsNames, NAMES_PER_MARKER } from './kallsyms-names.ts';
import { type Entry, KallsymsOrder, NotInOrder, hasSuffix } from './kallsyms-order.ts';
import { type KallsymsTables, kallsymsTables } from './kallsyms-tables.ts';
import { type KernelSymbol, type SymbolSource, ambiguous } from './symbol-source.ts';

/** Places on either side of where a name would be that were read when it was looked for. */
const BESIDE = 2;
/** How far away symbols beside another may be, either way. */
const NEIGHBOURS = 16;

/**
 * The dump's own symbols. find() and findBeside() throw PageMissing where a page of the tables is
 * not in the dump, Corrupt where they are damaged.
 */
export class Kallsyms implements SymbolSource {
  readonly kind = 'kallsyms';
  readonly #info: Vmcoreinfo;
  readonly #tables: KallsymsTables;
  readonly #names: KallsymsNames;
  readonly #addressOf: AddressOf;
  /** undefined when all names must be walked. */
  #order: KallsymsOrder | undefined;

  private constructor(
    info: Vmcoreinfo,
    tables: KallsymsTables,
    names: KallsymsNames,
    addressOf: AddressOf,
  ) {
    this.#info = info;
    this.#tables = tables;
    this.#names = names;
    this.#addressOf = addressOf;
    this.#order = KallsymsOrder.open(tables, names);
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
    return new Kallsyms(info, tables, names, kallsymsAddresses(tables, names, stext));
  }

  find(name: string, suffixes: readonly string[] = []): KernelSymbol | undefined {
    const [found, another] = this.#entriesOf(ascii(name), suffixes.map(ascii));
    if (another !== undefined) throw ambiguous('kallsyms', name);
    return found && this.#symbol(found);
  }

  /**
   * The symbol of that name among the few on either side of another: variables that one source file
   * defines mostly lie together, and their names on a page that was read before.
   */
  findBeside(name: string, neighbour: string): KernelSymbol | undefined {
    const wanted = ascii(name);
    const [beside] = this.#entriesOf(ascii(neighbour), []);
    if (beside === undefined) return undefined;
    for (let distance = 1; distance <= NEIGHBOURS; distance++) {
      for (const i of [beside.i - distance, beside.i + distance]) {
        if (i < 0 || i >= this.#tables.count) continue;
        const here = this.#names.at(i);
        if (compareBytes(here, wanted) === 0) return this.#symbol({ i, name: here });
      }
    }
    return undefined;
  }

  /**
   * Whether it is proven that the kernel has no symbol of any of these names, which `find` did not
   * find: its table of tokens is whole, names that sort on either side of them are found where
   * VMCOREINFO says they are, and the names around their places are sorted.
   */
  provesAbsent(names: readonly string[]): boolean {
    return this.#hasGaps(names, Infinity) && unlessBroken(() => this.#findsKnownNamesAround(names));
  }

  /** What of that proof costs next to no page: the tokens, and the names beside their places. */
  suggestsAbsent(names: readonly string[]): boolean {
    return this.#hasGaps(names, BESIDE);
  }

  #hasGaps(names: readonly string[], reach: number): boolean {
    if (!this.#tables.tokensAreWhole()) return false;
    return unlessBroken(() => names.every((name) => this.#isGap(ascii(name), reach)));
  }

  /** Whether a symbol before them and one behind them are where VMCOREINFO says, nearest names first. */
  #findsKnownNamesAround(names: readonly string[]): boolean {
    const known = this.#info.symbolNames().sort();
    const before = known.filter((other) => names.every((name) => other < name)).reverse();
    const behind = known.filter((other) => names.every((name) => other > name));
    const isRight = (name: string): boolean => this.find(name)?.address === this.#info.symbol(name);
    return before.some(isRight) && behind.some(isRight);
  }

  /** Where all names were walked, none of them was passed over. */
  #isGap(name: Uint8Array, reach: number): boolean {
    return this.#order === undefined || this.#order.isGap(name, reach);
  }

  #entriesOf(name: Uint8Array, suffixes: readonly Uint8Array[]): Entry[] {
    if (this.#order !== undefined) {
      try {
        return this.#order.find(name, suffixes);
      } catch (error) {
        if (!(error instanceof NotInOrder || error instanceof VmcoreError)) throw error;
        this.#order = undefined;
      }
    }
    return this.#walk(name, suffixes);
  }

  /** A number of a symbol is believed once the next marker was reached. */
  #walk(name: Uint8Array, suffixes: readonly Uint8Array[]): Entry[] {
    const found: Entry[] = [];
    const suffixed: Entry[] = [];
    let i = 0;
    let believed = 0;
    try {
      for (const here of this.#names.all()) {
        if (i % NAMES_PER_MARKER === 0) believed = found.length;
        if (hasBytesAt(here, 0, name)) {
          if (here.length === name.length) found.push({ i, name: here });
          else if (hasSuffix(here, name.length, suffixes)) suffixed.push({ i, name: here });
        }
        i++;
      }
    } catch (error) {
      if (error instanceof VmcoreError && believed > 0) return found.slice(0, believed);
      throw error;
    }
    return found.length > 0 ? found : suffixed;
  }

  /** undefined for the first, and where the page of the one before is not in the dump. */
  #addressBefore(i: number): bigint | undefined {
    try {
      return i > 0 ? this.#addressOf(i - 1) : undefined;
    } catch (error) {
      if (error instanceof PageMissing) return undefined;
      throw error;
    }
  }

  /**
   * Entries are sorted by address, so one that its neighbours contradict is damaged, or they are.
   *
   * @throws Corrupt (`no_kallsyms`) when the entry or one beside it is not in its place.
   */
  #symbol({ i, name }: Entry): KernelSymbol {
    const address = this.#addressOf(i);
    const before = this.#addressBefore(i) ?? address;
    let next = address;
    for (let j = i + 1; j < this.#tables.count && next === address; j++) next = this.#addressOf(j);
    if (before > address || next < address) {
      throw new Corrupt('no_kallsyms', `kallsyms_offsets[${i}]`, 'is not between its neighbours');
    }
    return { name: cString(name), address, size: next === address ? undefined : next - address };
  }
}

/** Whether it holds; false where the tables are broken or a page is missing. */
function unlessBroken(holds: () => boolean): boolean {
  try {
    return holds();
  } catch (error) {
    if (error instanceof NotInOrder || error instanceof VmcoreError) return false;
    throw error;
  }
}
