// The memory limit of decodes.

/**
 * Minimum memory of a decoding thread. Dumps were decoded in 10 MiB, and a log of 65,536 lines in 24 MiB; close
 * to its limit V8 may end the process instead of the thread, as it once did at 11 MiB.
 */
export const MIN_WORKER_BYTES = 32 * 2 ** 20;

const SIZE_UNITS: Readonly<Record<string, number>> = {
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

/** Parses a size in MiB or GiB. Returns bytes; undefined if it is invalid or below 32 MiB. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d{1,6})(MiB|GiB)$/.exec(text);
  const bytes = Number(match?.[1]) * (SIZE_UNITS[match?.[2] ?? ''] ?? NaN);
  return bytes >= MIN_WORKER_BYTES ? bytes : undefined;
}
