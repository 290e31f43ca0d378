// The address of the array out of the code that fills it, arm64. hwerr_log_error_type() is a text
// symbol, so it is in kallsyms where CONFIG_KALLSYMS_ALL is off. It makes the array's address with
// adrp and add, adds the index times 16, and then
//   stadd, ldadd or ldxr of 32 bits on [reg]       hwerr_data[i].count
//   str x, [reg, #n]                               hwerr_data[i].timestamp, 8 bytes further on
// The registers are followed through these instructions alone; any other that writes one forgets it.
// Encodings: Arm ARM (DDI 0487) chapter C6.2. Checked on the code of 7.3 (gcc, LSE atomics).

import { type VirtAddr, virtAddr } from '../bytes/units.ts';

/** Offset of the timestamp in struct hwerr_info. */
const TIMESTAMP = 8n;

/** What is known of a register: an address, which may have had an index added to it. */
interface Known {
  readonly address: bigint;
  readonly indexed: boolean;
}

/** @returns the address of the array, undefined when the code is not of this shape. */
export function arrayInArm64Code(code: Uint8Array, start: VirtAddr): VirtAddr | undefined {
  const view = new DataView(code.buffer, code.byteOffset, code.length);
  const registers = new Map<number, Known>();
  const counts = new Set<bigint>();
  const times = new Set<bigint>();
  for (let at = 0; at + 4 <= code.length; at += 4) {
    const word = view.getUint32(at, true);
    const pc = start + BigInt(at);
    const base = registers.get((word >>> 5) & 31);
    if (isAtomic32(word)) {
      if (base?.indexed) counts.add(base.address);
    } else if (word >>> 22 === STR_X_UNSIGNED) {
      if (base?.indexed) times.add(base.address + BigInt((word >>> 10) & 0xfff) * 8n);
    } else {
      const result = computed(word, pc, base);
      if (result === undefined) registers.delete(word & 31);
      else registers.set(word & 31, result);
    }
  }
  const [count] = counts;
  if (count === undefined || counts.size !== 1 || !times.has(count + TIMESTAMP)) return undefined;
  return virtAddr(count);
}

const STR_X_UNSIGNED = 0x3e4; // str xt, [xn, #imm12 * 8]

/** stadd and ldadd (LSE), or ldxr: the first instruction of each way to add atomically. */
function isAtomic32(word: number): boolean {
  const isLdadd = (word & 0xff20fc00) >>> 0 === 0xb8200000;
  const isLdxr = (word & 0xfffffc00) >>> 0 === 0x885f7c00;
  return isLdadd || isLdxr;
}

/** What adrp, add (immediate) and add (register, lsl #4) leave in their destination. */
function computed(word: number, pc: bigint, base: Known | undefined): Known | undefined {
  if ((word & 0x9f000000) >>> 0 === 0x90000000) {
    const immediate = ((word >>> 3) & 0x1ffffc) | ((word >>> 29) & 3);
    const pages = BigInt.asIntN(21, BigInt(immediate));
    return { address: BigInt.asUintN(64, (pc & ~0xfffn) + pages * 4096n), indexed: false };
  }
  if (base === undefined) return undefined;
  if ((word & 0xff800000) >>> 0 === 0x91000000) {
    const shift = (word & 0x400000) === 0 ? 0n : 12n;
    const immediate = BigInt((word >>> 10) & 0xfff) << shift;
    return { ...base, address: BigInt.asUintN(64, base.address + immediate) };
  }
  const addsShiftedBy4 = (word & 0xffe0fc00) >>> 0 === 0x8b001000;
  return addsShiftedBy4 && !base.indexed ? { ...base, indexed: true } : undefined;
}
