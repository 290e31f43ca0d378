// System.map: the kernel's symbols at their link-time addresses, as text (scripts/mksysmap), sorted by
// address. A line is an address in hexadecimal, a type letter and a name. Distributions also install stubs of
// a line or two under that name, which have none of the needed symbols.

import type { ByteSource } from '../bytes/source.ts';
import { limited } from '../bytes/cursor.ts';
import { type VirtAddr, virtAddr } from '../bytes/units.ts';
import type { Limits } from '../limits.ts';
import { type KernelSymbol, type SymbolSource, ambiguous } from './symbol-source.ts';

/** Opens a System.map. @throws LimitExceeded if it is too large. */
export function systemMap(source: ByteSource, limits: Limits): UnmovedSymbols {
  const length = limited('System.map', source.size, limits.symbolFileBytes);
  const text = `\n${new TextDecoder('latin1').decode(source.read(0, length))}\n`;
  return {
    kind: 'system-map',
    at(shift): SymbolSource {
      return {
        kind: 'system-map',
        find: (name, suffixes = []) => find(text, name, suffixes, shift),
      };
    },
    linkAddress: (name) => find(text, name, [], 0n)?.address,
  };
}

/** Symbols at their link-time addresses, without the offset of KASLR. */
export interface UnmovedSymbols {
  readonly kind: 'system-map' | 'vmlinux';
  linkAddress(name: string): VirtAddr | undefined;
  /** Returns the same symbols, moved by `shift` bytes. */
  at(shift: bigint): SymbolSource;
}

function find(
  text: string,
  name: string,
  suffixes: readonly string[],
  shift: bigint,
): KernelSymbol | undefined {
  for (const [wanted, end] of [
    [name, '\n'] as const,
    ...suffixes.map((s) => [name + s, ''] as const),
  ]) {
    const at = text.indexOf(` ${wanted}${end}`);
    if (at < 0) continue;
    if (text.includes(` ${wanted}${end}`, at + 1)) throw ambiguous('System.map', name);
    const start = text.lastIndexOf('\n', at) + 1;
    const found = parseLine(text, start);
    if (found === undefined) continue;
    const next = nextAddress(text, start, found.address);
    return {
      name: found.name,
      address: virtAddr(found.address + shift),
      size: next === undefined ? undefined : next - found.address,
    };
  }
  return undefined;
}

function parseLine(text: string, start: number): { address: bigint; name: string } | undefined {
  const line = text.slice(start, text.indexOf('\n', start));
  const match = /^([0-9a-f]{8,16}) \S (\S+)$/.exec(line);
  if (match === null) return undefined;
  const [, address = '', name = ''] = match;
  return { address: BigInt(`0x${address}`), name };
}

/** Returns the first higher address in the following lines. */
function nextAddress(text: string, start: number, address: bigint): bigint | undefined {
  for (let at = text.indexOf('\n', start) + 1; at > 0; at = text.indexOf('\n', at) + 1) {
    const next = parseLine(text, at);
    if (next === undefined) return undefined;
    if (next.address > address) return next.address;
  }
  return undefined;
}
