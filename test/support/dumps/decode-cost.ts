// What a decode costs, by counting what it asks for.

import {
  type ByteSource,
  type CrashReport,
  type DecodeOptions,
  decodeVmcore,
  openVmcore,
} from '../../../src/vmcore/index.ts';

export interface DecodeCost {
  /** Pages decompressed or, where they are stored as they are, read. */
  pages: number;
  /** Pages of which a search decompressed the first bytes. */
  heads: number;
  /** Read calls on the file, and the bytes they returned. */
  reads: number;
  bytesRead: number;
}

export interface CostlyReport {
  readonly report: CrashReport;
  readonly cost: Readonly<DecodeCost>;
}

/** A decode, with what it cost. */
export function decodeCounted(source: ByteSource, options: DecodeOptions = {}): CostlyReport {
  const cost: DecodeCost = { pages: 0, heads: 0, reads: 0, bytesRead: 0 };
  const counted: ByteSource = {
    size: source.size,
    read(offset, length): Uint8Array {
      cost.reads++;
      cost.bytesRead += length;
      return source.read(offset, length);
    },
    contains: (offset, length) => source.contains(offset, length),
  };
  const dump = openVmcore(counted, options.limits, (what) => {
    if (what === 'page') cost.pages++;
    else cost.heads++;
  });
  return { report: decodeVmcore([dump], options), cost };
}

export function costOf(source: ByteSource, options: DecodeOptions = {}): Readonly<DecodeCost> {
  return decodeCounted(source, options).cost;
}
