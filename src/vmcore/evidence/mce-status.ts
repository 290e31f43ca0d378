// MCi_STATUS: the kind of error of a machine check. arch/x86/include/asm/mce.h; the error codes are in the
// Intel SDM, volume 3B, "Interpreting Machine Check Error Codes".

import type { Category, Severity } from './hardware-event.ts';

const VENDOR_AMD = 2;
const VENDOR_HYGON = 9;

const UC = 61n;
const EN = 60n;
const MISCV = 59n;
const ADDRV = 58n;
const PCC = 57n;
const AMD_DEFERRED = 44n;
const AMD_POISON = 43n;
/** Data load and instruction fetch, which use data: mce/severity.c. */
const INTEL_USES = new Set([0x134, 0x150]);

function bit(word: bigint, position: bigint): boolean {
  return ((word >> position) & 1n) === 1n;
}

/**
 * Whether MCi_STATUS has AMD's format, as on Hygon: by the vendor number of `PROCESSOR`
 * (arch/x86/include/asm/processor.h X86_VENDOR_*). false if the vendor is unknown (null).
 */
export function isAmd(vendor: number | null): boolean {
  return vendor === VENDOR_AMD || vendor === VENDOR_HYGON;
}

/** Returns the severity; PCC without UC is not fatal. */
export function statusSeverity(status: bigint, amd: boolean): Severity {
  if (bit(status, UC)) return bit(status, PCC) ? 'fatal' : 'recoverable';
  return amd && bit(status, AMD_DEFERRED) ? 'recoverable' : 'corrected';
}

/** @returns whether a running kernel would die of the error. */
export function isDeadly(status: bigint): boolean {
  return [UC, EN, PCC].every((position) => bit(status, position));
}

/** @returns whether the CPU read data that had already been marked as bad. */
export function isIntelPoison(status: bigint): boolean {
  return bit(status, UC) && INTEL_USES.has(Number(status & 0xefffn));
}

/** @param core whether the reporting unit is part of the core, where data are used. */
export function isAmdPoison(status: bigint, core: boolean): boolean {
  return core && bit(status, UC) && bit(status, AMD_POISON);
}

/** Returns the category by MCACOD, without the "filtered" bit. */
export function intelCategory(status: bigint, hasAddress: boolean): Category {
  const code = Number(status & 0xefffn);
  if ((code & 0xef80) === 0x80 || (code & 0xef80) === 0x280) return 'memory';
  if (isIntelPoison(status) && hasAddress) return 'memory';
  if ((code & 0xef00) === 0x100 || (code & 0xeff0) === 0x10) return 'cpu';
  // 0x400 is the timer, 0x401 to 0x7ff are other internal errors of the processor.
  if ((code & 0xfffc) === 0xc || (code & 0xfc00) === 0x400) return 'cpu';
  return code >= 1 && code <= 6 ? 'cpu' : 'others';
}

/** Hardware ids in MCA_IPID: arch/x86/kernel/cpu/mce/amd.c smca_hwid_mcatypes. */
const AMD_HARDWARE: ReadonlyMap<number, Category> = new Map([
  [0xb0, 'cpu'],
  [0x96, 'memory'],
  [0x46, 'pci'],
  [0x18, 'pci'],
]);
/** Banks of the core on every family; bank 4 is the northbridge of old families. */
const AMD_CORE_BANKS = new Set([0, 1, 2, 3, 5, 6]);

/** Returns the category if the kernel's decoder (drivers/edac/mce_amd.c) did not name a unit. */
export function amdCategory(bank: number | null, ipid: bigint | null): Category {
  if (ipid !== null) return AMD_HARDWARE.get(Number((ipid >> 32n) & 0xfffn)) ?? 'others';
  return bank !== null && AMD_CORE_BANKS.has(bank) ? 'cpu' : 'others';
}

/** @returns the address without the bits that MCi_MISC marks as invalid; undefined if it is not physical. */
export function statusAddress(
  status: bigint,
  address: bigint,
  misc: bigint | null,
): bigint | undefined {
  if (!bit(status, ADDRV)) return undefined;
  if (!bit(status, MISCV) || misc === null) return address;
  if (((misc >> 6n) & 7n) !== 2n) return undefined;
  const low = misc & 0x3fn;
  return (address >> low) << low;
}
