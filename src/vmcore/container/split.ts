// Joins the parts of a split dump (makedumpfile --split): each part has all headers and both bitmaps, and the
// pages of one range of page frames.

import { type PhysAddr, hex, physAddr } from '../bytes/units.ts';
import { PageMissing, Unsupported } from '../errors.ts';
import type { Dump, SplitPart } from './dump.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';

/**
 * Returns the joined dump; a single file as it is, complete or not.
 *
 * @throws Unsupported if several files are not parts of the same dump.
 */
export function joinParts(dumps: readonly Dump[]): Dump {
  const [only] = dumps;
  if (only !== undefined && dumps.length === 1) return only;
  const parts = dumps
    .map((dump) => ({ dump, part: dump.part }))
    .sort((a, b) => (a.part?.start ?? 0) - (b.part?.start ?? 0));
  const [first] = parts;
  const isOne = parts.every(({ part }) => part !== undefined && part.dump === first?.part?.dump);
  if (first === undefined || !isOne) {
    throw new Unsupported('unsupported_format', 'files', 'are not the parts of one split dump');
  }
  return {
    ...first.dump,
    flattened: dumps.some((dump) => dump.flattened),
    incomplete: dumps.some((dump) => dump.incomplete),
    memory: joinMemory(parts.flatMap(({ dump, part }) => (part ? [{ dump, part }] : []))),
    compression: () => [...new Set(dumps.flatMap((dump) => dump.compression()))],
    part: undefined,
  };
}

interface Part {
  readonly dump: Dump;
  readonly part: SplitPart;
}

/** The piece of a range that is in one part. */
interface Piece {
  readonly memory: PhysicalMemory;
  readonly address: PhysAddr;
  readonly length: number;
}

function joinMemory(parts: readonly Part[]): PhysicalMemory {
  const partAt = (address: number): Part => {
    const found = parts.find(({ part }) => address >= part.start && address < part.end);
    if (found !== undefined) return found;
    throw new PageMissing('page_lost', `physical address ${hex(address)}`, 'is in another part');
  };
  function* piecesOf(address: PhysAddr, length: number): Generator<Piece> {
    const end = Number(address) + length;
    for (let start = Number(address); start < end;) {
      const { dump, part } = partAt(start);
      const piece = Math.min(end, part.end) - start;
      yield { memory: dump.memory, address: physAddr(start), length: piece };
      start += piece;
    }
  }
  return {
    read(address, length): Uint8Array {
      const bytes = new Uint8Array(length);
      for (const piece of piecesOf(address, length)) {
        const part = piece.memory.read(piece.address, piece.length);
        if (piece.length === length) return part;
        bytes.set(part, Number(piece.address - address));
      }
      return bytes;
    },
    whyUnwritten(address, length): string | undefined {
      for (const piece of piecesOf(address, length)) {
        const why = piece.memory.whyUnwritten(piece.address, piece.length);
        if (why !== undefined) return why;
      }
      return undefined;
    },
    *findPages(which, matches): Generator<PhysAddr> {
      for (const { dump } of parts) yield* dump.memory.findPages(which, matches);
    },
  };
}
