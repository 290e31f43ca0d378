// The kernel's log in the dump, whichever of its forms the kernel kept it in: VMCOREINFO says which,
// not the version, for the ring was back-ported to old ones.

import { CAPS } from '../limits.ts';
import type { Kernel } from '../kernel.ts';
import { hasLegacyLog } from './legacy-buffer.ts';
import { newestOfLegacy } from './legacy.ts';
import { LogMemory } from './log-memory.ts';
import type { LogEntry, LogRecord } from './record.ts';
import { newestOfRing } from './ring.ts';

/** The log that was in the memory of a dump, and what of it could not be had. */
export interface KernelLog {
  /** `absent`: a kernel that keeps its log in none of the forms that are read here. */
  readonly source: 'ring' | 'legacy' | 'absent';
  /** Oldest first. Only what has facility 0 is the kernel's own word. */
  readonly records: readonly LogRecord[];
  /** How many records were before the first; null where the source does not count. */
  readonly firstSeq: number | null;
  /** Records, or texts of them, that the kernel had no room for. */
  readonly lost: number;
  /** Records, or places of several, that should be in the dump and could not be read. */
  readonly unreadable: number;
  /** Whether older records were left out because a log may cost only so much. */
  readonly truncated: boolean;
}

/** What a log may cost at most; the newest records are read first. */
export interface LogLimits {
  /** Those that cannot be read count too. */
  readonly records: number;
  /** Bytes of memory, read in pages of 4 KiB. */
  readonly bytes: number;
}

const LIMITS: LogLimits = { records: CAPS.logRecords, bytes: CAPS.logBytes };

/**
 * The whole log.
 *
 * @throws Corrupt when what describes the log makes no sense, PageMissing when it is not in the dump.
 *   Single records that are missing are counted.
 */
export function readLog(kernel: Kernel, limits: LogLimits = LIMITS): KernelLog {
  const records: LogRecord[] = [];
  let [firstSeq, lost, unreadable, truncated]: [number | null, number, number, boolean] = [
    null,
    0,
    0,
    false,
  ];
  for (const entry of newestEntries(kernel, limits)) {
    switch (entry.kind) {
      case 'record':
        records.push(entry.record);
        firstSeq = entry.seq;
        break;
      case 'lost':
        lost += entry.count;
        break;
      case 'unreadable':
        unreadable++;
        break;
      case 'truncated':
        truncated = true;
        break;
    }
  }
  return {
    source: logSource(kernel),
    records: records.reverse(),
    firstSeq,
    lost,
    unreadable,
    truncated,
  };
}

/**
 * The log from its newest record on, read only as far as it is asked for.
 *
 * @throws as readLog().
 */
export function* newestEntries(kernel: Kernel, limits: LogLimits = LIMITS): Generator<LogEntry> {
  const pages = new LogMemory(kernel.memory, limits.bytes);
  let records = 0;
  for (const entry of entriesOf(kernel, pages)) {
    if (entry.kind === 'record' || entry.kind === 'unreadable') records++;
    if (pages.exhausted || records > limits.records) {
      yield { kind: 'truncated' };
      return;
    }
    yield entry;
  }
}

function entriesOf(kernel: Kernel, pages: LogMemory): Iterable<LogEntry> {
  switch (logSource(kernel)) {
    case 'ring':
      return newestOfRing(kernel, pages);
    case 'legacy':
      return newestOfLegacy(kernel, pages);
    case 'absent':
      return [];
  }
}

function logSource({ vmcoreinfo }: Kernel): KernelLog['source'] {
  if (vmcoreinfo.symbol('prb') !== undefined) return 'ring';
  return hasLegacyLog(vmcoreinfo) ? 'legacy' : 'absent';
}
