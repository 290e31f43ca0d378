// Sizes and offsets of the log's structs in VMCOREINFO.

import type { Vmcoreinfo } from '../container/vmcoreinfo.ts';
import { Corrupt } from '../errors.ts';

/** Maximum size of a struct of the log, bytes; printk_info has 112. */
const MAX_STRUCT = 4096;

/**
 * Returns the value of a required key that is small enough for a struct.
 *
 * @throws Corrupt if it is missing or too large.
 */
export function neededKey(value: number | undefined, key: string): number {
  if (value !== undefined && value <= MAX_STRUCT) return value;
  throw new Corrupt('corrupt', 'vmcoreinfo', `want ${key}, got ${value ?? 'none'}`);
}

/**
 * Returns OFFSET(member) of an optional member; undefined if VMCOREINFO does not have it.
 *
 * @throws Corrupt if it is too large for a struct.
 */
export function optionalOffset(info: Vmcoreinfo, member: string): number | undefined {
  const value = info.offset(member);
  return value === undefined ? undefined : neededKey(value, `OFFSET(${member})`);
}
