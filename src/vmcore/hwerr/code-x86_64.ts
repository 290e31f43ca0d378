// The address of the array out of the code that fills it, x86_64. hwerr_log_error_type() is a text
// symbol, so it is in kallsyms where CONFIG_KALLSYMS_ALL is off. Two of its instructions have the
// array's address in them, as relocated by KASLR:
//   f0 ff /0 mod=10   lock incl disp32(reg)        hwerr_data[i].count
//   48 89    mod=10   mov %reg, disp32(reg)        hwerr_data[i].timestamp, 8 bytes further on
// Encodings: Intel SDM volume 2, chapter 2.1. Checked on the code of 6.19 and 7.3 (gcc).

import { type VirtAddr, virtAddr } from '../bytes/units.ts';

const LOCK = 0xf0;
const INC_GROUP = 0xff;
const MOV_STORE = 0x89;
const REX_W = 0x48;
/** Offset of the timestamp in struct hwerr_info. */
const TIMESTAMP = 8;

/** @returns the address of the array, undefined when the code is not of this shape. */
export function arrayInX86Code(code: Uint8Array): VirtAddr | undefined {
  const counts = displacements(code, (i) => {
    if (code[i] !== LOCK) return undefined;
    const at = isRex(code[i + 1]) ? i + 2 : i + 1;
    return code[at] === INC_GROUP && field(code[at + 1], 3) === 0 ? at + 1 : undefined;
  });
  const times = displacements(code, (i) =>
    isRex(code[i]) && ((code[i] ?? 0) & REX_W) === REX_W && code[i + 1] === MOV_STORE
      ? i + 2
      : undefined,
  );
  const [count] = counts;
  if (count === undefined || counts.length !== 1 || !times.includes(count + TIMESTAMP)) {
    return undefined;
  }
  return virtAddr(BigInt(count));
}

/** Every disp32 of a ModRM byte with mod=10 that `modrmAt` finds. */
function displacements(code: Uint8Array, modrmAt: (i: number) => number | undefined): number[] {
  const view = new DataView(code.buffer, code.byteOffset, code.length);
  const found: number[] = [];
  for (let i = 0; i < code.length; i++) {
    const at = modrmAt(i);
    if (at === undefined || field(code[at], 6) !== 2) continue;
    const hasSib = ((code[at] ?? 0) & 7) === 4;
    const displacement = at + (hasSib ? 2 : 1);
    if (displacement + 4 <= code.length) found.push(view.getInt32(displacement, true));
  }
  return found;
}

function isRex(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xf0) === 0x40;
}

/** The two or three bits of a ModRM byte from `shift` on. */
function field(modrm: number | undefined, shift: 3 | 6): number | undefined {
  return modrm === undefined ? undefined : (modrm >> shift) & (shift === 3 ? 7 : 3);
}
