// The code of hwerr_log_error_type() as compilers write it, for an array at some address.

import { ByteWriter, fromHex } from './bytes.ts';

/** gcc, x86_64: f3 0f 1e fa ... lock incl disp32(%rdi); mov %rax, disp32(%rdi). */
export function x86Code(array: bigint): Uint8Array {
  const disp = (address: bigint): number => Number(BigInt.asUintN(32, address));
  return new ByteWriter()
    .bytes(fromHex('f30f1efa 0f1f440000')) // endbr64; nop
    .bytes(fromHex('83ff04 772b')) // cmp $4, %edi; ja
    .bytes(fromHex('55 53 89ff 48c1e704')) // push, push, mov %edi, %edi, shl $4, %rdi
    .bytes(fromHex('f0ff87')) // lock incl disp32(%rdi)
    .u32(disp(array))
    .bytes(fromHex('e800000000')) // call ktime_get_real_seconds
    .bytes(fromHex('488987')) // mov %rax, disp32(%rdi)
    .u32(disp(array + 8n))
    .bytes(fromHex('5b 5d c3 cc'))
    .toBytes();
}

interface Arm64Code {
  /** How it adds atomically: with LSE, or in a loop. */
  readonly atomic?: 'stadd' | 'ldxr';
  /** Instructions between the address and its use. */
  readonly between?: readonly number[];
}

/** adrp x1, array; add x1, x1, #:lo12:array; add x19, x1, w0, lsl #4 */
export function arm64Code(array: bigint, start: bigint, options: Arm64Code = {}): Uint8Array {
  const { atomic = 'stadd', between = [] } = options;
  const out = new ByteWriter();
  out.u32(0xd503233f).u32(0x7100101f); // paciasp; cmp w0, #4
  const pc = start + BigInt(out.length);
  const pages = BigInt.asUintN(21, (array >> 12n) - (pc >> 12n));
  const adrp = 0x90000001n | ((pages & 3n) << 29n) | ((pages >> 2n) << 5n);
  out.u32(Number(adrp));
  out.u32(Number(0x91000021n | ((array & 0xfffn) << 10n))); // add x1, x1, #lo12
  for (const word of between) out.u32(word);
  out.u32(0x8b001033); // add x19, x1, x0, lsl #4
  if (atomic === 'stadd')
    out.u32(0x52800022).u32(0xb822027f); // mov w2, #1; stadd w2, [x19]
  else out.u32(0x885f7e62).u32(0x11000442).u32(0x88037e62); // ldxr w2, [x19]; add; stxr
  out.u32(0x94000010).u32(0xf9000660); // bl ktime_get_real_seconds; str x0, [x19, #8]
  return out.u32(0xd65f03c0).toBytes(); // ret
}
