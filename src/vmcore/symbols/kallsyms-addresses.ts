// The addresses of kallsyms, ascending. The encoding of entries changed with the kernel and is not recorded
// in the dump: the right rule is the one by which _stext has its address in VMCOREINFO. Addresses are those
// of the running kernel, after KASLR.
// Source: kernel/kallsyms.c kallsyms_sym_address() of each version.

import { CAPS } from '../limits.ts';
import { type VirtAddr, addVirt, virtAddr } from '../bytes/units.ts';
import { Corrupt } from '../errors.ts';
import { ascii, compareBytes } from '../bytes/text.ts';
import type { KallsymsNames } from './kallsyms-names.ts';
import type { KallsymsTables } from './kallsyms-tables.ts';

/** Returns the address of symbol `i`. */
export type AddressOf = (i: number) => VirtAddr;

const STEXT = ascii('_stext');

/**
 * Returns the function that decodes addresses.
 *
 * @param stext SYMBOL(_stext) of VMCOREINFO.
 * @throws Corrupt (`no_kallsyms`) if no rule gives _stext this address.
 */
export function kallsymsAddresses(
  tables: KallsymsTables,
  names: KallsymsNames,
  stext: VirtAddr,
): AddressOf {
  const rule = rules(tables).find((addressOf) => {
    let i = firstAtOrAfter(addressOf, tables.count, stext);
    for (const end = Math.min(i + CAPS.symbolAliases, tables.count); i < end; i++) {
      if (addressOf(i) !== stext) return false;
      if (compareBytes(names.at(i), STEXT) === 0) return true;
    }
    return false;
  });
  if (rule !== undefined) return rule;
  throw new Corrupt('no_kallsyms', 'kallsyms_offsets', 'no rule gives _stext its address');
}

/** Returns the rules that are possible with these tables, newest first. */
function rules({ memory, offsets, addresses, relativeBase }: KallsymsTables): AddressOf[] {
  const wordBytes = memory.order.wordBits / 8;
  if (offsets === undefined) {
    if (addresses === undefined) return [];
    const table = addresses;
    return [
      (i) =>
        virtAddr(
          memory.cursor(addVirt(table, wordBytes * i), wordBytes, 'kallsyms_addresses').word(),
        ),
    ];
  }
  const entry = (i: number): bigint =>
    BigInt(memory.cursor(addVirt(offsets, 4 * i), 4, 'kallsyms_offsets').i32());
  if (relativeBase !== undefined) {
    return [
      (i) => virtAddr(relativeBase + BigInt.asUintN(32, entry(i))),
      // CONFIG_KALLSYMS_ABSOLUTE_PERCPU, x86_64 with SMP until
      // 01157ddc58dc ("kallsyms: Remove KALLSYMS_ABSOLUTE_PERCPU") (in v6.15).
      (i) => {
        const offset = entry(i);
        return virtAddr(offset >= 0n ? offset : relativeBase - 1n - offset);
      },
    ];
  }
  return [
    // Place-relative since a081b5789255 ("kallsyms: Get rid of kallsyms relative base") (in v7.0);
    // a plain address where 32-bit kernels don't move.
    (i) => wrap(offsets + BigInt(4 * i) + entry(i)),
    (i) => virtAddr(BigInt.asUintN(32, entry(i))),
  ];

  function wrap(address: bigint): VirtAddr {
    return virtAddr(BigInt.asUintN(memory.order.wordBits, address));
  }
}

/** Returns the lower bound of `wanted`; doubles the step at first, because _stext is among the first symbols. */
function firstAtOrAfter(addressOf: AddressOf, count: number, wanted: VirtAddr): number {
  let step = 1;
  while (step < count && addressOf(step) < wanted) step *= 2;
  let low = 0;
  let high = Math.min(step, count);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (addressOf(middle) < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
