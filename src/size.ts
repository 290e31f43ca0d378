// Sizes as flags have them.

const SIZE_UNITS: Readonly<Record<string, number>> = {
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

/** A size in MiB or GiB, in bytes; at least 16 MiB. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d{1,6})(MiB|GiB)$/.exec(text);
  const bytes = Number(match?.[1]) * (SIZE_UNITS[match?.[2] ?? ''] ?? NaN);
  return bytes >= MIN_WORKER_BYTES ? bytes : undefined;
}
