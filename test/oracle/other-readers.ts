// The same pages by somebody else's reader, for comparison.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { physAddr } from '../../src/vmcore/bytes/units.ts';
import { openDump } from '../../src/vmcore/container/open.ts';
import { joinParts } from '../../src/vmcore/container/split.ts';
import type { PhysicalMemory } from '../../src/vmcore/memory/physical-memory.ts';
import { PageMissing } from '../../src/vmcore/errors.ts';
import { bytesSource } from '../../src/vmcore/index.ts';
import { DEFAULT_LIMITS } from '../../src/vmcore/limits.ts';

const SCRIPT = fileURLToPath(new URL('read_pages.py', import.meta.url));
const PAGE = 4096;
/** Pages of a large dump that are compared. */
const SAMPLE = 500;
/** From each of them the other addresses that are asked for: many are not in the dump. */
const DISTANCES = [0, -PAGE, PAGE, 64 * PAGE];

export type Reader = 'kdumpfile' | 'drgn';

/** SHA-256 of a page, or null when it is not in the dump. */
type PageSum = string | null;

/** What another reader finds at the addresses. @throws Error with its message when it cannot open it. */
function theirPages(
  reader: Reader,
  files: readonly string[],
  addresses: readonly number[],
): PageSum[] {
  const input = JSON.stringify({ reader, files, addresses, length: PAGE });
  const { status, stdout, stderr } = spawnSync('/usr/bin/python3', [SCRIPT], {
    input,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status === 0) return JSON.parse(stdout) as PageSum[];
  throw new Error(stderr.trim().split('\n').at(-1));
}

export interface Comparison {
  /** Pages that both read, with the same bytes. */
  readonly equal: number;
  /** Pages that neither has. */
  readonly absent: number;
  /** Pages that are zeros to them and not in the dump to us. */
  readonly zeroFilled: number;
  /** Addresses at which the readers contradict each other. */
  readonly different: readonly string[];
}

const ZEROS = sum(new Uint8Array(PAGE));

/** Pages of a dump as we and as they read them: a sample of those it has, and of their neighbours. */
export function compare(reader: Reader, files: readonly string[]): Comparison {
  const sources = files.map((file) => bytesSource(new Uint8Array(readFileSync(file))));
  const { memory } = joinParts(sources.map((source) => openDump(source, DEFAULT_LIMITS)));
  const addresses = new Set<number>();
  for (const address of sample(presentPages(memory))) {
    for (const distance of DISTANCES) addresses.add(Math.max(0, address + distance));
  }
  const theirs = theirPages(reader, files, [...addresses]);
  let [equal, absent, zeroFilled] = [0, 0, 0];
  const different: string[] = [];
  for (const [i, address] of [...addresses].entries()) {
    const [our, their] = [ourPage(memory, address), theirs[i] ?? null];
    if (our !== their) {
      if (our === null && their === ZEROS) zeroFilled++;
      else different.push(`0x${address.toString(16)}: ours ${our}, theirs ${their}`);
    } else if (our === null) absent++;
    else equal++;
  }
  return { equal, absent, zeroFilled, different };
}

/** Addresses of the pages whose first bytes are there. */
function presentPages(memory: PhysicalMemory): number[] {
  const found = (['text', 'rest'] as const).flatMap((which) => [
    ...memory.findPages(which, () => true),
  ]);
  return found.map(Number).sort((a, b) => a - b);
}

function ourPage(memory: PhysicalMemory, address: number): PageSum {
  try {
    return sum(memory.read(physAddr(address), PAGE));
  } catch (error) {
    if (error instanceof PageMissing) return null;
    throw error;
  }
}

function sum(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** At most SAMPLE of them, evenly spread. */
function sample(addresses: readonly number[]): number[] {
  const step = Math.max(1, addresses.length / SAMPLE);
  return Array.from(
    { length: Math.min(SAMPLE, addresses.length) },
    (_, i) => addresses[Math.floor(i * step)]!,
  );
}
