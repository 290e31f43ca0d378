// The kernel's log in the dump. Its form is determined by VMCOREINFO, not by the version, because the ring was
// backported.

import { CAPS } from '../limits.ts';
import type { Kernel } from '../kernel.ts';
import { hasLegacyLog } from './legacy-buffer.ts';
import { newestOfLegacy } from './legacy.ts';
import { LogMemory } from './log-memory.ts';
import type { LogEntry, LogRecord } from './record.ts';
import { newestOfRing } from './ring.ts';

/** The log in a dump, and what could not be read of it. */
export interface KernelLog {
  /** `absent`: the kernel keeps its log in a form that is not supported. */
  readonly source: 'ring' | 'legacy' | 'absent';
  /** Oldest first. Only records with facility 0 come from the kernel. */
  readonly records: readonly LogRecord[];
  /** Number of records before the first one; null if the source does not count. */
  readonly firstSeq: number | null;
  /** Number of records, or texts, for which the kernel had no space. */
  readonly lost: number;
  /** Number of records, or gaps of several, that should be in the dump but could not be read. */
  readonly unreadable: number;
  /** Whether older records were omitted because of the limits. */
  readonly truncated: boolean;
}

/** Limits of reading a log; the newest records are read first. */
export interface LogLimits {
  /** Maximum number of records, including unreadable ones. */
  readonly records: number;
  /** Maximum number of bytes of memory, read in pages of 4 KiB. */
  readonly bytes: number;
}

const LIMITS: LogLimits = { records: CAPS.logRecords, bytes: CAPS.logBytes };

/**
 * Reads the whole log.
 *
 * @throws Corrupt if the structures of the log are inconsistent, PageMissing if they are not in the dump.
 *   Single missing records are only counted.
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
 * Iterates over the log from its newest record on, reading on demand.
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
