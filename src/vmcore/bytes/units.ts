// Addresses are branded bigints, so that physical and virtual ones cannot be confused. File offsets, lengths
// and page frame numbers are safe integers. Only this file casts.

export type PhysAddr = bigint & { readonly __unit: 'PhysAddr' };
export type VirtAddr = bigint & { readonly __unit: 'VirtAddr' };

/** Returns a physical address, modulo 2^64. */
export function physAddr(value: bigint | number): PhysAddr {
  return BigInt.asUintN(64, BigInt(value)) as PhysAddr;
}

/** Returns a virtual address, modulo 2^64. */
export function virtAddr(value: bigint | number): VirtAddr {
  return BigInt.asUintN(64, BigInt(value)) as VirtAddr;
}

/** Returns `address + bytes`, modulo 2^64. */
export function addVirt(address: VirtAddr, bytes: bigint | number): VirtAddr {
  return virtAddr(address + BigInt(bytes));
}

/** Formats an address as the kernel's documentation does: `0x…`. */
export function hex(value: bigint | number): string {
  return `0x${value.toString(16)}`;
}
