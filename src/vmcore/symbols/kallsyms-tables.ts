// Locates the kallsyms tables in the dump.
// Source: scripts/kallsyms.c (layout, compression), kernel/kallsyms.c (readers); the addresses come
// from VMCOREINFO since 5fd8fea935a1 ("vmcoreinfo: include kallsyms symbols") (in v6.0) and
// f09bddbd8661 ("vmcoreinfo: add kallsyms_num_syms symbol") (in v6.0).

import { limited } from '../bytes/cursor.ts';
import { type VirtAddr, addVirt, hex, virtAddr } from '../bytes/units.ts';
import { isZero } from '../bytes/unwritten.ts';
import type { Vmcoreinfo } from '../container/vmcoreinfo.ts';
import { Corrupt, orElse } from '../errors.ts';
import type { Limits } from '../limits.ts';
import type { VirtualMemory } from '../memory/virtual-memory.ts';

const PAGE = 4096;
const TOKENS = 256;
/** Bytes of the token table in the first read; real ones have 1.1 to 1.3 KiB. */
const TOKEN_TABLE_BYTES = 2048;

/** Entries in VMCOREINFO of every kernel since v6.0 with kallsyms. */
const NAMED = ['kallsyms_names', 'kallsyms_num_syms', 'kallsyms_token_table'] as const;

/** Tables that VMCOREINFO names, with minimum size and size per symbol (including the order of names), bytes. */
const TABLES = [
  ['kallsyms_names', 1, 0],
  ['kallsyms_num_syms', 4, 0],
  ['kallsyms_token_table', 1, 0],
  ['kallsyms_token_index', 2 * TOKENS, 0],
  ['kallsyms_offsets', 1, 4 + 3],
  ['kallsyms_addresses', 1, 8],
] as const;
/** Maximum size, bytes; real tables have 5 MiB. */
const MAX_BYTES = 16 << 20;
/** Length of a run of zeros that the tables do not contain, bytes: 16 was the maximum in 20 kernels. */
const HOLE = 128;
const ALL_ONES = 0xffffffffffffffffn;

/**
 * The addresses of the tables, and their small parts: the number of symbols, and the 256 texts (`tokens`) that
 * names are composed of.
 */
export interface KallsymsTables {
  readonly memory: VirtualMemory;
  readonly count: number;
  readonly names: VirtAddr;
  readonly tokens: readonly Uint8Array[];
  /** Whether the tokens are as scripts/kallsyms.c makes them; a damaged token rarely is. */
  readonly tokensAreWhole: () => boolean;
  readonly tokenTable: VirtAddr;
  /** kallsyms_offsets: 32 bits a symbol; undefined in kernels with kallsyms_addresses. */
  readonly offsets: VirtAddr | undefined;
  /** kallsyms_addresses: one word a symbol. */
  readonly addresses: VirtAddr | undefined;
  /**
   * kallsyms_relative_base, its place and its value; gone since
   * a081b5789255 ("kallsyms: Get rid of kallsyms relative base") (in v7.0).
   */
  readonly relativeBaseAt: VirtAddr | undefined;
  readonly relativeBase: bigint | undefined;
  readonly limits: Limits;
}

/**
 * @throws Corrupt (`no_kallsyms`) if VMCOREINFO does not name the tables or they are impossible.
 * @throws PageMissing if one of their first pages is not in the dump.
 */
export function kallsymsTables(
  info: Vmcoreinfo,
  memory: VirtualMemory,
  limits: Limits,
): KallsymsTables {
  const names = required(info, 'kallsyms_names');
  const countAt = required(info, 'kallsyms_num_syms');
  const tokenTable = required(info, 'kallsyms_token_table');
  const tokenIndex = required(info, 'kallsyms_token_index');
  const offsets = info.symbol('kallsyms_offsets');
  const addresses = info.symbol('kallsyms_addresses');
  const baseAt = info.symbol('kallsyms_relative_base');
  if (offsets === undefined && addresses === undefined) {
    throw new Corrupt('no_kallsyms', 'vmcoreinfo', 'want SYMBOL(kallsyms_offsets), got none');
  }
  const count = memory.cursor(countAt, 4, 'kallsyms_num_syms').u32();
  if (count === 0) throw new Corrupt('no_kallsyms', 'kallsyms_num_syms', 'got 0 symbols');
  limited('kallsyms_num_syms', count, limits.kallsymsSymbols);
  const tokens = readTokens(memory, tokenTable, tokenIndex);
  const wordBytes = memory.order.wordBits / 8;
  const relativeBase =
    baseAt === undefined
      ? undefined
      : memory.cursor(baseAt, wordBytes, 'kallsyms_relative_base').word();
  return {
    memory,
    count,
    names,
    tokenTable,
    tokens: tokens.texts,
    tokensAreWhole: () => tokens.follow && areMadeOfBytes(tokens.texts),
    offsets,
    addresses,
    relativeBaseAt: baseAt,
    relativeBase,
    limits,
  };
}

/** Returns why part of the tables was never written; undefined if all that the dump has was. */
export function whyTablesUnwritten(
  info: Vmcoreinfo,
  memory: VirtualMemory,
  limits: Limits,
): string | undefined {
  const [start, end] = extentOf(info, memory, limits);
  const length = Number(end - start);
  if (length > MAX_BYTES) return undefined;
  const toPage = Number(start % BigInt(PAGE));
  for (let done = -toPage; done < length; done += PAGE) {
    const [from, to] = [Math.max(0, done), Math.min(length, done + PAGE)];
    const bytes = orElse(() => memory.read(addVirt(start, from), to - from), undefined);
    const at = bytes === undefined ? -1 : holeIn(bytes);
    if (at >= 0)
      return `got nothing but zeros at ${hex(addVirt(start, from + at))}, ${HOLE} or more`;
  }
  return undefined;
}

function holeIn(bytes: Uint8Array): number {
  for (let at = 0; at + HOLE <= bytes.length; at += HOLE) {
    if (isZero(bytes.subarray(at, at + HOLE))) return at;
  }
  return -1;
}

/** The ranges of the tables, which are adjacent. */
function extentOf(
  info: Vmcoreinfo,
  memory: VirtualMemory,
  limits: Limits,
): readonly [start: VirtAddr, end: VirtAddr] {
  const countAt = info.symbol('kallsyms_num_syms');
  const count = countAt && orElse(() => memory.cursor(countAt, 4, 'kallsyms_num_syms').u32(), 0);
  const symbols = Math.min(count ?? 0, limits.kallsymsSymbols);
  let [start, end] = [virtAddr(ALL_ONES), virtAddr(0n)];
  for (const [name, bytes, bytesOfSymbol] of TABLES) {
    const table = info.symbol(name);
    if (table === undefined) continue;
    const behind = addVirt(table, bytes + bytesOfSymbol * symbols);
    if (table < start) start = table;
    if (behind > end) end = behind;
  }
  return [start, end];
}

/** Whether VMCOREINFO has the address of any table; before v6.0 it does not. */
export function namesTables(info: Vmcoreinfo): boolean {
  return NAMED.some((name) => info.symbol(name) !== undefined);
}

function required(info: Vmcoreinfo, name: string): VirtAddr {
  const address = info.symbol(name);
  if (address === undefined) {
    throw new Corrupt('no_kallsyms', 'vmcoreinfo', `want SYMBOL(${name}), got none`);
  }
  return address;
}

interface Tokens {
  readonly texts: readonly Uint8Array[];
  /** Whether each table starts where the previous one ends. */
  readonly follow: boolean;
}

function readTokens(memory: VirtualMemory, table: VirtAddr, index: VirtAddr): Tokens {
  const offsets = memory.cursor(index, 2 * TOKENS, 'kallsyms_token_index');
  const texts: Uint8Array[] = [];
  let follow = true;
  let next = 0;
  // The index follows the table, so its address bounds the table.
  const gap = virtAddr(index - table);
  const length = gap > 0n && gap <= 0xffffn ? Number(gap) : TOKEN_TABLE_BYTES;
  const text = memory.read(table, length);
  for (let i = 0; i < TOKENS; i++) {
    const start = offsets.u16();
    const end = text.indexOf(0, start);
    if (start >= length || end < 0) {
      throw new Corrupt(
        'no_kallsyms',
        `kallsyms_token_index[${i}]`,
        `got ${start}, want a token within ${length} bytes`,
      );
    }
    follow &&= start === next;
    next = end + 1;
    texts.push(text.slice(start, end));
  }
  return { texts, follow };
}

/** Each byte that occurs in a name is a token at its own index; all other tokens are composed of these. */
function areMadeOfBytes(tokens: readonly Uint8Array[]): boolean {
  const isByte = (byte: number): boolean => tokens[byte]?.length === 1 && tokens[byte][0] === byte;
  return tokens.every((token, i) => (token.length === 1 ? isByte(i) : token.every(isByte)));
}
