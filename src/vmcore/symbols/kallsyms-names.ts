// The names of kallsyms. A name is a length and that many bytes, each an index into a table of up to 256
// tokens. In the expanded text the first character is the type as printed by nm, the rest is the name. Every
// 256th name has a marker: its offset from the first name.
// Source: scripts/kallsyms.c write_src(), kernel/kallsyms.c kallsyms_expand_symbol().

import { type VirtAddr, addVirt } from '../bytes/units.ts';
import { Corrupt, PageMissing, VmcoreError } from '../errors.ts';
import type { VirtualMemory } from '../memory/virtual-memory.ts';
import type { KallsymsTables } from './kallsyms-tables.ts';

/** Number of names between two markers (scripts/kallsyms.c). */
export const NAMES_PER_MARKER = 256;
const PAGE = 4096;

/**
 * The compressed names of all symbols, indexed in the order of addresses and expanded on demand. Damaged
 * names throw Corrupt (`no_kallsyms`), missing ones PageMissing.
 */
export class KallsymsNames {
  readonly #tables: KallsymsTables;
  readonly #bigLengths: boolean;
  /** Offset of name `256 * i` from the first. */
  readonly #marker: (i: number) => number;

  private constructor(tables: KallsymsTables, bigLengths: boolean, marker: (i: number) => number) {
    this.#tables = tables;
    this.#bigLengths = bigLengths;
    this.#marker = marker;
  }

  /**
   * Opens the names with the kernel's own markers, which VMCOREINFO does not locate: they end, padded, where
   * the token table begins. If that fails, all names are scanned to compute the markers.
   *
   * @throws Corrupt (`no_kallsyms`) if the scan does not end where the next table begins.
   */
  static open(tables: KallsymsTables): KallsymsNames {
    const at = markersBefore(tables);
    const marker = (i: number): number => {
      const offset = tables.memory.cursor(addVirt(at, 4 * i), 4, 'kallsyms_markers').u32();
      return checkedMarker(tables, offset);
    };
    let missing: PageMissing | undefined;
    /** Lengths decoded in the wrong way lead to the end of the table, or to a missing page. */
    const unlessAstray = <T>(read: () => T): T | undefined => {
      try {
        return read();
      } catch (error) {
        if (error instanceof PageMissing) missing ??= error;
        else if (!(error instanceof VmcoreError)) throw error;
        return undefined;
      }
    };
    for (const bigLengths of [true, false]) {
      if (unlessAstray(() => agree(tables, bigLengths, at)) === true) {
        return new KallsymsNames(tables, bigLengths, marker);
      }
    }
    for (const bigLengths of [true, false]) {
      const walked = unlessAstray(() => walkMarkers(tables, bigLengths, at));
      if (walked !== undefined) {
        return new KallsymsNames(tables, bigLengths, (i) => walked[i] ?? 0);
      }
    }
    throw (
      missing ??
      new Corrupt('no_kallsyms', 'kallsyms_names', 'names and markers do not fit together')
    );
  }

  /** Returns the name of symbol `i`, without its type letter. */
  at(i: number): Uint8Array {
    const start = addVirt(this.#tables.names, this.#marker(Math.floor(i / NAMES_PER_MARKER)));
    const cursor = new NameCursor(this.#tables, start, this.#bigLengths);
    cursor.skip(i % NAMES_PER_MARKER);
    return expand(this.#tables, cursor.next(), i);
  }

  /**
   * Iterates over all names in the order of addresses.
   *
   * @throws Corrupt (`no_kallsyms`) at a marker that does not match: after a damaged length, every name would
   *   be attributed to another symbol.
   */
  *all(): Generator<Uint8Array> {
    const { count, names } = this.#tables;
    const cursor = new NameCursor(this.#tables, names, this.#bigLengths);
    for (let i = 0; i < count; i++) {
      if (i % NAMES_PER_MARKER === 0) this.#checkMarker(i / NAMES_PER_MARKER, cursor.address);
      yield expand(this.#tables, cursor.next(), i);
    }
  }

  #checkMarker(block: number, address: VirtAddr): void {
    const got = address - this.#tables.names;
    const want = this.#marker(block);
    if (got === BigInt(want)) return;
    throw new Corrupt('no_kallsyms', `kallsyms_markers[${block}]`, `got ${want}, want ${got}`);
  }
}

/** @throws Corrupt (`no_kallsyms`) if the name is empty or too long. */
function expand({ tokens, limits }: KallsymsTables, compressed: Uint8Array, i: number): Uint8Array {
  let length = 0;
  for (const index of compressed) length += tokens[index]?.length ?? 0;
  if (length < 2 || length > limits.symbolNameBytes) {
    const want = `2..${limits.symbolNameBytes}`;
    throw new Corrupt('no_kallsyms', `kallsyms_names[${i}]`, `got ${length} bytes, want ${want}`);
  }
  const expanded = new Uint8Array(length);
  let at = 0;
  for (const index of compressed) {
    const token = tokens[index];
    if (token === undefined) continue;
    expanded.set(token, at);
    at += token.length;
  }
  return expanded.subarray(1);
}

function markersBefore({ count, tokenTable, relativeBaseAt, memory }: KallsymsTables): VirtAddr {
  // Labels are aligned to 4 bytes since a081b5789255 ("kallsyms: Get rid of kallsyms relative base") (in v7.0),
  // before that to a word.
  const alignment = relativeBaseAt === undefined ? 4 : memory.order.wordBits / 8;
  const bytes = 4 * Math.ceil(count / NAMES_PER_MARKER);
  return addVirt(tokenTable, -Math.ceil(bytes / alignment) * alignment);
}

/** Whether the first two markers match the first and the 257th name. */
function agree(tables: KallsymsTables, bigLengths: boolean, at: VirtAddr): boolean {
  const { memory, names, count } = tables;
  if (at < names) return false;
  const hasSecond = count > NAMES_PER_MARKER;
  const markers = memory.cursor(at, hasSecond ? 8 : 4, 'kallsyms_markers');
  if (markers.u32() !== 0) return false;
  const cursor = new NameCursor(tables, names, bigLengths);
  cursor.skip(Math.min(count, NAMES_PER_MARKER));
  return !hasSecond || addVirt(names, markers.u32()) === cursor.address;
}

function checkedMarker({ names, tokenTable }: KallsymsTables, offset: number): number {
  if (BigInt(offset) < tokenTable - names) return offset;
  throw new Corrupt('no_kallsyms', 'kallsyms_markers', `got ${offset}, want less than the table`);
}

/**
 * Computes markers by scanning all names; undefined unless the scan ends where the kernel's markers should be
 * (whatever is there now), or where they are.
 */
function walkMarkers(
  tables: KallsymsTables,
  bigLengths: boolean,
  expected: VirtAddr,
): Uint32Array | undefined {
  const { memory, names, count } = tables;
  const markers = new Uint32Array(Math.ceil(count / NAMES_PER_MARKER));
  const cursor = new NameCursor(tables, names, bigLengths);
  for (let i = 0; i < markers.length; i++) {
    markers[i] = Number(cursor.address - names);
    cursor.skip(Math.min(NAMES_PER_MARKER, count - i * NAMES_PER_MARKER));
  }
  // The kernel's markers follow the names in every layout, padded to 4 or to 8 bytes.
  const found = [4n, 8n].some((alignment) => {
    const at = addVirt(cursor.address, (alignment - (cursor.address % alignment)) % alignment);
    if (at === expected) return true;
    const table = memory.cursor(at, 4 * Math.min(markers.length, 8), 'kallsyms_markers');
    return markers.subarray(0, 8).every((marker) => table.u32() === marker);
  });
  return found ? markers : undefined;
}

/** Steps through length-prefixed names from an address on, reading memory a page at a time. */
class NameCursor {
  readonly #memory: VirtualMemory;
  /** The token table, which follows the names in every layout. */
  readonly #end: VirtAddr;
  readonly #bigLengths: boolean;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  /** Address after the bytes in #bytes. */
  #next: VirtAddr;

  /** @param bigLengths whether bit 7 of a length means that a second byte follows (since v6.1). */
  constructor({ memory, tokenTable }: KallsymsTables, start: VirtAddr, bigLengths: boolean) {
    this.#memory = memory;
    this.#end = tokenTable;
    this.#bigLengths = bigLengths;
    this.#next = start;
  }

  /** Address of the next name's length. */
  get address(): VirtAddr {
    return addVirt(this.#next, this.#at - this.#bytes.length);
  }

  /** Returns the next name, compressed. */
  next(): Uint8Array {
    return this.#take(this.#length());
  }

  skip(count: number): void {
    for (let i = 0; i < count; i++) {
      // Fast path: a search skips thousands of names, nearly all short and on the current page.
      const length = this.#bytes[this.#at] ?? 0x80;
      if (length < 0x80 && this.#at + length < this.#bytes.length) {
        this.#at += 1 + length;
        continue;
      }
      let end = this.#length() + this.#at;
      while (end > this.#bytes.length) {
        end -= this.#bytes.length;
        this.#fill();
      }
      this.#at = end;
    }
  }

  /**
   * Reads a length; since 73bbb94466fd ("kallsyms: support "big" kernel symbols") (in v6.1) ULEB128 of up to
   * two bytes.
   */
  #length(): number {
    const low = this.#byte();
    return this.#bigLengths && low >= 0x80 ? (low & 0x7f) | (this.#byte() << 7) : low;
  }

  #byte(): number {
    if (this.#at === this.#bytes.length) this.#fill();
    return this.#bytes[this.#at++] ?? 0;
  }

  #take(length: number): Uint8Array {
    const name = new Uint8Array(length);
    for (let done = 0; done < length;) {
      if (this.#at === this.#bytes.length) this.#fill();
      const part = this.#bytes.subarray(this.#at, this.#at + length - done);
      name.set(part, done);
      done += part.length;
      this.#at += part.length;
    }
    return name;
  }

  #fill(): void {
    if (this.#next >= this.#end) {
      throw new Corrupt('no_kallsyms', 'kallsyms_names', 'run into the token table');
    }
    const length = PAGE - Number(this.#next % BigInt(PAGE));
    this.#bytes = this.#memory.read(this.#next, length);
    this.#at = 0;
    this.#next = addVirt(this.#next, length);
  }
}
