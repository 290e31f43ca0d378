// MCi_STATUS: what kind of error a machine check was. arch/x86/include/asm/mce.h; the error codes are
// those of the Intel SDM, volume 3B, "Interpreting Machine Check Error Codes".

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
/** Data load and instruction fetch, where data are used: mce/severity.c. */
const INTEL_USES = new Set([0x134, 0x150]);

function bit(word: bigint, position: bigint): boolean {
  return ((word >> position) & 1n) === 1n;
}

/**
 * Whether MCi_STATUS is read as AMD's, Hygon among them: by the vendor number of `PROCESSOR`
 * (arch/x86/include/asm/processor.h X86_VENDOR_*); null, for not said, is not AMD.
 */
export function isAmd(vendor: number | null): boolean {
  return vendor === VENDOR_AMD || vendor === VENDOR_HYGON;
}

/** PCC without UC is not fatal. */
export function statusSeverity(status: bigint, amd: boolean): Severity {
  if (bit(status, UC)) return bit(status, PCC) ? 'fatal' : 'recoverable';
  return amd && bit(status, AMD_DEFERRED) ? 'recoverable' : 'corrected';
}

/** @returns whether a running kernel would have died of it. */
export function isDeadly(status: bigint): boolean {
  return [UC, EN, PCC].every((position) => bit(status, position));
}

/** @returns whether the CPU read data that were marked as bad before. */
export function isIntelPoison(status: bigint): boolean {
  return bit(status, UC) && INTEL_USES.has(Number(status & 0xefffn));
}

/** @param core of the unit that reports it: the core's, which are where data are used. */
export function isAmdPoison(status: bigint, core: boolean): boolean {
  return core && bit(status, UC) && bit(status, AMD_POISON);
}

/** By MCACOD, without the bit that says "filtered". */
export function intelCategory(status: bigint, hasAddress: boolean): Category {
  const code = Number(status & 0xefffn);
  if ((code & 0xef80) === 0x80 || (code & 0xef80) === 0x280) return 'memory';
  if (isIntelPoison(status) && hasAddress) return 'memory';
  if ((code & 0xef00) === 0x100 || (code & 0xeff0) === 0x10) return 'cpu';
  // 0x400 is the timer, 0x401 to 0x7ff other errors inside of the processor.
  if ((code & 0xfffc) === 0xc || (code & 0xfc00) === 0x400) return 'cpu';
  return code >= 1 && code <= 6 ? 'cpu' : 'others';
}

/** Hardware id in MCA_IPID: arch/x86/kernel/cpu/mce/amd.c smca_hwid_mcatypes. */
const AMD_HARDWARE: ReadonlyMap<number, Category> = new Map([
  [0xb0, 'cpu'],
  [0x96, 'memory'],
  [0x46, 'pci'],
  [0x18, 'pci'],
]);
/** Banks of the core itself, on every family; bank 4 is the northbridge of the old ones. */
const AMD_CORE_BANKS = new Set([0, 1, 2, 3, 5, 6]);

/** Where the decoder of the kernel (drivers/edac/mce_amd.c) named no unit. */
export function amdCategory(bank: number | null, ipid: bigint | null): Category {
  if (ipid !== null) return AMD_HARDWARE.get(Number((ipid >> 32n) & 0xfffn)) ?? 'others';
  return bank !== null && AMD_CORE_BANKS.has(bank) ? 'cpu' : 'others';
}

/** @returns the address without the bits that MCi_MISC calls void; undefined: no physical address. */
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
