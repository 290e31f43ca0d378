// The layout of hwerr_data: struct hwerr_info and enum hwerr_error_type.
// Source: kernel/vmcore_info.c, include/uapi/linux/vmcore.h.

import { CATEGORIES } from './categories.ts';

/** Layout of the array and its elements in bytes, and where it comes from. */
export interface HwerrLayout {
  readonly source: 'btf' | 'builtin';
  /** sizeof(struct hwerr_info), bytes. */
  readonly stride: number;
  /** Offset of `count`, an atomic_t. */
  readonly countOffset: number;
  /** Offset of `timestamp`, a time64_t. */
  readonly timestampOffset: number;
  /** Names of the elements, in order. */
  readonly categories: readonly string[];
}

/** Returns the layout of all kernels so far: an int, then a 64-bit integer at its alignment. */
export function builtinLayout(int64Alignment: 4 | 8): HwerrLayout {
  return {
    source: 'builtin',
    stride: int64Alignment + 8,
    countOffset: 0,
    timestampOffset: int64Alignment,
    categories: CATEGORIES,
  };
}

/** Returns the size of the array, bytes. */
export function layoutBytes({ stride, categories }: HwerrLayout): number {
  return stride * categories.length;
}
