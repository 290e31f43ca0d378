// Page tables of x86_64 that map 2 MiB: what CR3 leads to.

import { ByteWriter } from './bytes.ts';
import type { SparseMemory } from './sparse-memory.ts';

const LEVELS = 4;
const LEAF = 2;
const PRESENT = 1n;
const IS_PAGE = 0x80n;

/** Tables at `root` and on the pages behind it, by which `address` lies at `physical`. */
export function writePageTables(
  memory: SparseMemory,
  root: bigint,
  address: bigint,
  physical: bigint,
): void {
  for (let level = LEVELS; level >= LEAF; level--) {
    const table = root + BigInt(LEVELS - level) * 4096n;
    const index = (address >> BigInt(12 + 9 * (level - 1))) & 511n;
    const entry = level === LEAF ? physical | IS_PAGE : table + 4096n;
    memory.write(table + index * 8n, new ByteWriter().u64(entry | PRESENT).toBytes());
  }
}
