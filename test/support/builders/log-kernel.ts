// What a reader of the kernel's log needs of a kernel: memory with a log in it, and VMCOREINFO.

import type { ByteOrder } from '../../../src/vmcore/bytes/cursor.ts';
import { Vmcoreinfo } from '../../../src/vmcore/container/vmcoreinfo.ts';
import type { Kernel } from '../../../src/vmcore/kernel.ts';
import { LE64 } from './bytes.ts';
import { SparseMemory, identityMapped } from './sparse-memory.ts';

/** A log in memory, to be changed. */
export interface PlacedLog {
  readonly order?: ByteOrder;
  readonly pieces: readonly { readonly at: bigint; readonly bytes: Uint8Array }[];
  readonly keys: string;
  readonly editKeys?: ((keys: string) => string) | undefined;
  readonly editMemory?: ((memory: SparseMemory) => unknown) | undefined;
}

export interface LogKernel extends Kernel {
  /** Addresses of the pages read so far. */
  readonly touched: ReadonlySet<bigint>;
}

export function logKernel({ order = LE64, pieces, keys, ...edit }: PlacedLog): LogKernel {
  const memory = new SparseMemory();
  for (const { at, bytes } of pieces) memory.write(at, bytes);
  edit.editMemory?.(memory);
  const vmcoreinfo = new Vmcoreinfo(edit.editKeys?.(keys) ?? keys);
  const kernel = { vmcoreinfo, memory: identityMapped(memory, order) } as Kernel;
  return { ...kernel, touched: memory.touched };
}

/** The keys without those that begin so. */
export function withoutKey(key: string): (keys: string) => string {
  return (keys) =>
    keys
      .split('\n')
      .filter((line) => !line.startsWith(`${key}=`))
      .join('\n');
}
