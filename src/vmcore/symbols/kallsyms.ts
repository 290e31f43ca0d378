// Finds addresses by name in the dump's own kallsyms: by the sorted table, or, if that is missing or damaged,
// by reading every name.

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

/** Distance from the position of a name within which a search has already read names. */
const BESIDE = 2;
/** Maximum distance, in symbols, for findBeside(). */
const NEIGHBOURS = 16;

/**
 * The dump's own symbols. find() and findBeside() throw PageMissing if a page of the tables is not in the
 * dump, Corrupt if they are damaged.
 */
export class Kallsyms implements SymbolSource {
  readonly kind = 'kallsyms';
  readonly #info: Vmcoreinfo;
  readonly #tables: KallsymsTables;
  readonly #names: KallsymsNames;
  readonly #addressOf: AddressOf;
  /** undefined if all names must be scanned. */
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
   * @throws Corrupt (`no_kallsyms`) if VMCOREINFO does not locate the tables, or they are inconsistent.
   * @throws PageMissing if a required page is not in the dump.
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
   * Finds a symbol among the few on either side of another. Variables defined in one source file are usually
   * adjacent, and their names are on a page that was already read.
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
   * Whether it is proven that the kernel has none of these names, after find() did not find them: the token
   * table is intact, names that sort before and after them are found at their addresses in VMCOREINFO, and
   * the names around their positions are sorted.
   */
  provesAbsent(names: readonly string[]): boolean {
    return this.#hasGaps(names, Infinity) && unlessBroken(() => this.#findsKnownNamesAround(names));
  }

  /**
   * The cheap part of that proof, which reads hardly any page: the tokens, and the names next to the
   * positions.
   */
  suggestsAbsent(names: readonly string[]): boolean {
    return this.#hasGaps(names, BESIDE);
  }

  #hasGaps(names: readonly string[], reach: number): boolean {
    if (!this.#tables.tokensAreWhole()) return false;
    return unlessBroken(() => names.every((name) => this.#isGap(ascii(name), reach)));
  }

  /**
   * Whether a symbol sorting before and one after them have their addresses in VMCOREINFO; nearest names
   * first.
   */
  #findsKnownNamesAround(names: readonly string[]): boolean {
    const known = this.#info.symbolNames().sort();
    const before = known.filter((other) => names.every((name) => other < name)).reverse();
    const behind = known.filter((other) => names.every((name) => other > name));
    const isRight = (name: string): boolean => this.find(name)?.address === this.#info.symbol(name);
    return before.some(isRight) && behind.some(isRight);
  }

  /** True without a sorted table: all names were scanned, and none was skipped. */
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

  /** Scans all names. Index numbers count only up to the last matching marker. */
  #walk(name: Uint8Array, suffixes: readonly Uint8Array[]): Entry[] {
    const found: Entry[] = [];
    const suffixed: Entry[] = [];
    let i = 0;
    let verified = 0;
    try {
      for (const here of this.#names.all()) {
        if (i % NAMES_PER_MARKER === 0) verified = found.length;
        if (hasBytesAt(here, 0, name)) {
          if (here.length === name.length) found.push({ i, name: here });
          else if (hasSuffix(here, name.length, suffixes)) suffixed.push({ i, name: here });
        }
        i++;
      }
    } catch (error) {
      if (error instanceof VmcoreError && verified > 0) return found.slice(0, verified);
      throw error;
    }
    return found.length > 0 ? found : suffixed;
  }

  /** Returns undefined for the first symbol, and if the page of the previous one is not in the dump. */
  #addressBefore(i: number): bigint | undefined {
    try {
      return i > 0 ? this.#addressOf(i - 1) : undefined;
    } catch (error) {
      if (error instanceof PageMissing) return undefined;
      throw error;
    }
  }

  /**
   * Returns the symbol. Entries are sorted by address; if the neighbours contradict, one of them is damaged.
   *
   * @throws Corrupt (`no_kallsyms`) if the entry is not between its neighbours.
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

/** Runs a check; false if the tables are broken or a page is missing. */
function unlessBroken(check: () => boolean): boolean {
  try {
    return check();
  } catch (error) {
    if (error instanceof NotInOrder || error instanceof VmcoreError) return false;
    throw error;
  }
}
