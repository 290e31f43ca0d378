// kallsyms tables as scripts/kallsyms.c writes them: names compressed by a token table, markers, the
// order by name, and addresses in each of the ways kernels have had.

import type { ByteOrder } from '../../../src/vmcore/bytes/cursor.ts';
import { ByteWriter, LE64, bytesOf } from './bytes.ts';

export interface SymbolRecipe {
  readonly name: string;
  readonly address: bigint;
  /** As nm prints it: T unless said otherwise. */
  readonly type?: string;
}

/**
 * How symbols are addressed: `place` since v7.0, `base` v6.15 to v6.19 (and without SMP before),
 * `percpu` x86_64 until v6.14, `addresses` where offsets were too narrow (until v6.10), `plain` on
 * 32-bit kernels that do not move, since v7.0.
 */
export type Addressing = 'place' | 'base' | 'percpu' | 'addresses' | 'plain';

/** `v6.0`: addresses first, no order by name; `v6.2`: with one behind the markers; `v6.4`: as now. */
export type TableLayout = 'v6.0' | 'v6.2' | 'v6.4';

export interface KallsymsRecipe {
  readonly symbols: readonly SymbolRecipe[];
  readonly order?: ByteOrder;
  readonly addressing?: Addressing;
  /** Since when the tables stand so: v6.4 unless said otherwise. */
  readonly layout?: TableLayout;
  /** Whether lengths of 128 and more take two bytes (since v6.1): yes unless said otherwise. */
  readonly bigLengths?: boolean;
  /** Pairs replaced by a token: as many as the kernel would only cost time. */
  readonly merges?: number;
}

/** The tables laid out from `at` on, and the address of each by the name of its label. */
export interface BuiltKallsyms {
  readonly bytes: Uint8Array;
  readonly labels: Readonly<Record<string, bigint>>;
}

export function kallsymsTables(recipe: KallsymsRecipe, at: bigint): BuiltKallsyms {
  const { order = LE64, addressing = 'place', layout = 'v6.4', bigLengths = true } = recipe;
  const symbols = [...recipe.symbols].sort((a, b) => compare(a.address, b.address));
  const { tokens, names } = compressed(symbols, recipe.merges ?? 12);
  const hasBase = addressing === 'base' || addressing === 'percpu';
  const alignment = addressing === 'place' || addressing === 'plain' ? 4 : order.wordBits / 8;
  const out = new ByteWriter(order);
  const labels: Record<string, bigint> = {};
  const label = (name: string): bigint => {
    out.align(alignment);
    const address = at + BigInt(out.length);
    labels[`kallsyms_${name}`] = address;
    return address;
  };
  const writeAddresses = (): void => {
    const place = label(addressing === 'addresses' ? 'addresses' : 'offsets');
    const base = relativeBase(symbols, addressing);
    for (const [i, { address }] of symbols.entries()) {
      if (addressing === 'addresses') out.word(address);
      else out.u32(offsetOf(address, addressing, base, place + BigInt(4 * i)));
    }
    if (!hasBase) return;
    label('relative_base');
    out.word(base);
  };

  const writeSeqs = (): void => {
    label('seqs_of_names');
    for (const i of byName(symbols)) {
      out
        .u8(i >> 16)
        .u8((i >> 8) & 0xff)
        .u8(i & 0xff);
    }
  };

  if (layout !== 'v6.4') writeAddresses();
  label('num_syms');
  out.u32(symbols.length);
  label('names');
  const markers = writeNames(out, names, bigLengths);
  label('markers');
  for (const marker of markers) out.u32(marker);
  if (layout === 'v6.2') writeSeqs();
  label('token_table');
  const starts = writeTokenTable(out, tokens);
  label('token_index');
  for (const start of starts) out.u16(start);
  if (layout === 'v6.4') {
    writeAddresses();
    writeSeqs();
  }
  return { bytes: out.toBytes(), labels };
}

/** VMCOREINFO's lines for the tables: those that the kernel exports. */
export function kallsymsKeys({ labels }: BuiltKallsyms): string {
  return Object.entries(labels)
    .filter(([name]) => name !== 'kallsyms_markers' && name !== 'kallsyms_seqs_of_names')
    .map(([name, address]) => `SYMBOL(${name})=${address.toString(16)}\n`)
    .join('');
}

function compare<T>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function byName(symbols: readonly SymbolRecipe[]): number[] {
  return symbols
    .map((symbol, i) => [symbol.name, i] as const)
    .sort(([a, i], [b, j]) => compare(a, b) || i - j)
    .map(([, i]) => i);
}

/** Where percpu symbols end and others begin. */
const PERCPU_END = 1n << 31n;

function relativeBase(symbols: readonly SymbolRecipe[], addressing: Addressing): bigint {
  const moved = symbols.filter((s) => addressing !== 'percpu' || s.address >= PERCPU_END);
  return moved[0]?.address ?? 0n;
}

function offsetOf(address: bigint, addressing: Addressing, base: bigint, place: bigint): number {
  const relative = {
    place: address - place,
    base: address - base,
    percpu: address < PERCPU_END ? address : base - 1n - address,
    plain: address,
    addresses: address,
  };
  return Number(BigInt.asUintN(32, relative[addressing]));
}

/** @returns the markers: the offset of every 256th name. */
function writeNames(
  out: ByteWriter,
  names: readonly (readonly number[])[],
  bigLengths: boolean,
): number[] {
  const start = out.length;
  const markers: number[] = [];
  for (const [i, name] of names.entries()) {
    if (i % 256 === 0) markers.push(out.length - start);
    const { length } = name;
    if (bigLengths && length >= 0x80) out.u8(0x80 | (length & 0x7f)).u8(length >> 7);
    else out.u8(length);
    out.bytes(Uint8Array.from(name));
  }
  return markers;
}

/** @returns where each token starts. */
function writeTokenTable(out: ByteWriter, tokens: readonly string[]): number[] {
  const start = out.length;
  return tokens.map((token) => {
    const offset = out.length - start;
    out.text(token).u8(0);
    return offset;
  });
}

interface Compressed {
  /** 256 texts; empty where a token is not used. */
  readonly tokens: readonly string[];
  /** Names with their type letter, as token numbers. */
  readonly names: readonly (readonly number[])[];
}

/** Byte-pair encoding: the most frequent pair becomes a token, again and again. */
function compressed(symbols: readonly SymbolRecipe[], merges: number): Compressed {
  const names = symbols.map(({ name, type = 'T' }) => [...bytesOf(type + name)]);
  const used = new Set(names.flat());
  const tokens = Array.from({ length: 256 }, (_, i) => (used.has(i) ? String.fromCharCode(i) : ''));
  for (let merge = 0; merge < merges; merge++) {
    const pair = mostFrequentPair(names);
    const free = tokens.indexOf('', 1);
    if (pair === undefined || free < 0) break;
    tokens[free] = pair.map((token) => tokens[token]).join('');
    for (const name of names) replacePair(name, pair, free);
  }
  return { tokens, names };
}

function mostFrequentPair(names: readonly (readonly number[])[]): [number, number] | undefined {
  const counts = new Uint32Array(0x10000);
  let best = 0;
  for (const name of names) {
    for (let i = 0; i + 1 < name.length; i++) {
      const pair = (name[i]! << 8) | name[i + 1]!;
      counts[pair]!++;
      if (counts[pair]! > counts[best]!) best = pair;
    }
  }
  return best === 0 ? undefined : [best >> 8, best & 0xff];
}

function replacePair(name: number[], [first, second]: [number, number], token: number): void {
  for (let i = 0; i + 1 < name.length; i++) {
    if (name[i] === first && name[i + 1] === second) name.splice(i, 2, token);
  }
}
