// vmlinux: the kernel's ELF file, or the debug file split from it, with its .symtab.
// Source: gABI "Sections", "Symbol Table". The build id (.note.gnu.build-id) shows whether it is the file of
// the dumped kernel.

import { type ByteOrder, Cursor, limited } from '../bytes/cursor.ts';
import type { ByteSource } from '../bytes/source.ts';
import { ascii, cString, hasBytesAt, hexBytes } from '../bytes/text.ts';
import { type VirtAddr, virtAddr } from '../bytes/units.ts';
import { readElfFields } from '../elf/elf-header.ts';
import { SHT_NOTE, SHT_SYMTAB } from '../elf/elf-constants.ts';
import { notes } from '../elf/notes.ts';
import { type Section, readSections } from '../elf/sections.ts';
import { Corrupt } from '../errors.ts';
import type { Limits } from '../limits.ts';
import { type KernelSymbol, type SymbolSource, ambiguous } from './symbol-source.ts';
import type { UnmovedSymbols } from './system-map.ts';

const NT_GNU_BUILD_ID = 3;
const SHN_UNDEF = 0;

interface Vmlinux extends UnmovedSymbols {
  /** Lower-case hexadecimal; undefined if the file has none. */
  readonly buildId: string | undefined;
}

/** @throws Corrupt or LimitExceeded if it is not an ELF file with a symbol table. */
export function vmlinux(source: ByteSource, limits: Limits): Vmlinux {
  const { order, sections: table } = readElfFields(source);
  limited('vmlinux: e_shnum', table.count, limits.symbolFileSections);
  const sections = readSections(source, order, table);
  const symtab = sections.find(({ type }) => type === SHT_SYMTAB);
  const strtab = symtab && sections[symtab.link];
  if (symtab === undefined || strtab === undefined) {
    throw new Corrupt('corrupt', 'vmlinux', 'got no .symtab, want a file that is not stripped');
  }
  const symbols = new SymbolTable(source, order, [symtab, strtab], limits);
  return {
    kind: 'vmlinux',
    buildId: buildId(source, order, sections, limits),
    linkAddress: (name) => symbols.find(name, [], 0n)?.address,
    at(shift): SymbolSource {
      return {
        kind: 'vmlinux',
        find: (name, suffixes = []) => symbols.find(name, suffixes, shift),
      };
    },
  };
}

interface Named {
  readonly name: string;
  readonly address: VirtAddr;
}

class SymbolTable {
  readonly #symbols: Uint8Array;
  readonly #strings: Uint8Array;
  readonly #order: ByteOrder;

  constructor(
    source: ByteSource,
    order: ByteOrder,
    [symtab, strtab]: readonly [Section, Section],
    limits: Limits,
  ) {
    const read = ({ offset, size }: Section): Uint8Array =>
      source.read(
        Number(offset),
        limited('vmlinux: section', Number(size), limits.symbolFileBytes),
      );
    this.#symbols = read(symtab);
    this.#strings = read(strtab);
    this.#order = order;
  }

  find(name: string, suffixes: readonly string[], shift: bigint): KernelSymbol | undefined {
    const wanted = ascii(name);
    const exact: Named[] = [];
    const suffixed: Named[] = [];
    for (const { nameAt, address } of this.#all()) {
      if (!hasBytesAt(this.#strings, nameAt, wanted)) continue;
      const here = cString(this.#strings.subarray(nameAt, nameAt + name.length + 64));
      if (here === name) exact.push({ name: here, address });
      else if (suffixes.some((suffix) => here.startsWith(name + suffix))) {
        suffixed.push({ name: here, address });
      }
    }
    const [found, another] = exact.length > 0 ? exact : suffixed;
    if (another !== undefined) throw ambiguous('vmlinux', name);
    if (found === undefined) return undefined;
    const { address } = found;
    return { name: found.name, address: virtAddr(address + shift), size: this.#size(address) };
  }

  #size(address: bigint): bigint | undefined {
    let next: bigint | undefined;
    for (const symbol of this.#all()) {
      if (symbol.address <= address) continue;
      if (next === undefined || symbol.address < next) next = symbol.address;
    }
    return next === undefined ? undefined : next - address;
  }

  /** Iterates over defined, named symbols: struct Elf64_Sym of 24 bytes, Elf32_Sym of 16. */
  *#all(): Generator<{ nameAt: number; address: VirtAddr }> {
    const is64 = this.#order.wordBits === 64;
    const stride = is64 ? 24 : 16;
    const c = new Cursor(this.#symbols, this.#order, 'symtab');
    for (let at = 0; at + stride <= this.#symbols.length; at += stride) {
      const nameAt = c.seek(at).u32(); // st_name
      const section = c.seek(at + (is64 ? 6 : 14)).u16(); // st_shndx
      if (nameAt === 0 || section === SHN_UNDEF) continue;
      yield { nameAt, address: virtAddr(c.seek(at + (is64 ? 8 : 4)).word()) }; // st_value
    }
  }
}

function buildId(
  source: ByteSource,
  order: ByteOrder,
  sections: readonly Section[],
  limits: Limits,
): string | undefined {
  for (const { type, offset, size } of sections) {
    if (type !== SHT_NOTE || size > limits.symbolFileBytes) continue;
    const range = { offset: Number(offset), length: Number(size) };
    for (const note of notes(source, order, range)) {
      if (note.name !== 'GNU' || note.type !== NT_GNU_BUILD_ID) continue;
      limited('vmlinux: build id', note.descLength, limits.symbolFileBytes);
      return hexBytes(source.read(note.descOffset, note.descLength));
    }
  }
  return undefined;
}
