// How hwerr_data is laid out: struct hwerr_info and enum hwerr_error_type.
// Source: kernel/vmcore_info.c, include/uapi/linux/vmcore.h.

import { CATEGORIES } from './categories.ts';

/** Where the elements of the array and their members lie, in bytes, and whether BTF said so. */
export interface HwerrLayout {
  readonly source: 'btf' | 'builtin';
  /** sizeof(struct hwerr_info), bytes. */
  readonly stride: number;
  /** Offset of `count`, an atomic_t. */
  readonly countOffset: number;
  /** Offset of `timestamp`, a time64_t. */
  readonly timestampOffset: number;
  /** Names of the elements, in their order. */
  readonly categories: readonly string[];
}

/** The layout of every kernel so far: an int, then a 64-bit integer at its alignment. */
export function builtinLayout(int64Alignment: 4 | 8): HwerrLayout {
  return {
    source: 'builtin',
    stride: int64Alignment + 8,
    countOffset: 0,
    timestampOffset: int64Alignment,
    categories: CATEGORIES,
  };
}

/** Bytes of the whole array. */
export function layoutBytes({ stride, categories }: HwerrLayout): number {
  return stride * categories.length;
}
