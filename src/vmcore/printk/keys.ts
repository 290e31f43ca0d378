// Sizes and offsets of the log's structs, as VMCOREINFO has them.

import type { Vmcoreinfo } from '../container/vmcoreinfo.ts';
import { Corrupt } from '../errors.ts';

/** No struct of a log is larger: printk_info has 112 bytes. */
const MAX_STRUCT = 4096;

/**
 * The value of a key that must be there, small enough to be part of a struct.
 *
 * @throws Corrupt when it is neither.
 */
export function neededKey(value: number | undefined, key: string): number {
  if (value !== undefined && value <= MAX_STRUCT) return value;
  throw new Corrupt('corrupt', 'vmcoreinfo', `want ${key}, got ${value ?? 'none'}`);
}

/**
 * OFFSET(member) of a member that not every kernel names; undefined where it does not.
 *
 * @throws Corrupt when it is too large to be part of a struct.
 */
export function optionalOffset(info: Vmcoreinfo, member: string): number | undefined {
  const value = info.offset(member);
  return value === undefined ? undefined : neededKey(value, `OFFSET(${member})`);
}
