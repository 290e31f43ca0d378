// hwerr_data: one counter and one time for each category of hardware error that the kernel survived.
// Source: kernel/vmcore_info.c, struct hwerr_info { atomic_t count; time64_t timestamp; }. The array
// became global in bd58782995a2 (in v6.19-rc); until then link-time optimisation could rename it.
// Count and time are two stores, so a crash in between may leave one without the other.

import type { Kernel } from '../paging/kernel.ts';
import { Corrupt } from '../errors.ts';
import type { Hwerr, HwerrCategory } from '../report.ts';
import type { Kallsyms, KernelSymbol } from '../symbols/kallsyms.ts';
import { CATEGORIES } from './categories.ts';

/** The array, and the name that Documentation/driver-api/hw-recoverable-errors.rst calls it by. */
const ARRAY_NAMES = ['hwerr_data', 'hwerror_data'];
/** What Clang and GCC append to a static symbol's name under LTO. */
const LTO_SUFFIXES = ['.llvm.', '.lto_priv.'];
/** The function that fills the array: kept by kernels that keep no data symbols. */
const LOG_FUNCTION = 'hwerr_log_error_type';

/** struct hwerr_info where a 64-bit integer is aligned to 8 bytes. */
const STRIDE = 16;
const TIMESTAMP_OFFSET = 8;

/** Later than any clock: year 9999 in Unix seconds. */
const LATEST_SECONDS = 253_402_300_799n;

/**
 * The five counters.
 *
 * @param warn takes what is odd and does not stop the decoder.
 * @throws PageMissing when the array's page is not in the dump.
 */
export function readHwerr(
  kernel: Kernel,
  kallsyms: Kallsyms,
  warn: (warning: string) => void,
): Hwerr {
  const array = findArray(kallsyms);
  if (array === undefined) {
    const keeps = kallsyms.find(LOG_FUNCTION) !== undefined;
    return { kind: 'absent', reason: keeps ? 'symbol_not_found' : 'kernel_without_hwerr' };
  }
  const bytes = CATEGORIES.length * STRIDE;
  checkRoom(array, bytes, warn);
  const c = kernel.memory.cursor(array.address, bytes, array.name);
  const categories = CATEGORIES.map((category, i): HwerrCategory => {
    const count = c.seek(i * STRIDE).u32(); // count: atomic_t
    const time = c.seek(i * STRIDE + TIMESTAMP_OFFSET).i64(); // timestamp: Unix seconds
    if ((count === 0) !== (time === 0n)) {
      warn(`${category}: count ${count} with time ${time}: the crash came between the two`);
    }
    if (time < 0n || time > LATEST_SECONDS) warn(`${category}: time ${time} is no date`);
    return { category, count, lastErrorTimestampSeconds: time === 0n ? null : Number(time) };
  });
  return { kind: 'present', categories };
}

function findArray(kallsyms: Kallsyms): KernelSymbol | undefined {
  for (const name of ARRAY_NAMES) {
    const found = kallsyms.find(name, LTO_SUFFIXES);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The next symbol begins where the array ends: 80 bytes on, in every kernel looked at. */
function checkRoom(array: KernelSymbol, bytes: number, warn: (warning: string) => void): void {
  const { room, name } = array;
  if (room === undefined || room === BigInt(bytes)) return;
  if (room < BigInt(bytes)) {
    throw new Corrupt('corrupt', name, `got ${room} bytes before the next symbol, want ${bytes}`);
  }
  warn(`${name}: ${room} bytes before the next symbol, read the first ${bytes}`);
}
