// Addresses are branded bigints so that a physical one is never taken for a virtual one.
// File offsets, lengths and page frame numbers are safe-integer numbers. Only this file casts.

export type PhysAddr = bigint & { readonly __unit: 'PhysAddr' };
export type VirtAddr = bigint & { readonly __unit: 'VirtAddr' };

/** A physical address, modulo 2^64. */
export function physAddr(value: bigint | number): PhysAddr {
  return BigInt.asUintN(64, BigInt(value)) as PhysAddr;
}

/** A virtual address, modulo 2^64. */
export function virtAddr(value: bigint | number): VirtAddr {
  return BigInt.asUintN(64, BigInt(value)) as VirtAddr;
}

/** `address + bytes`, modulo 2^64. */
export function addVirt(address: VirtAddr, bytes: bigint | number): VirtAddr {
  return virtAddr(address + BigInt(bytes));
}

/** `0x…` as the kernel's documentation writes an address. */
export function hex(value: bigint | number): string {
  return `0x${value.toString(16)}`;
}
