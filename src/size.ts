// How much memory a decode may take, as flags have it.

/** A thread needs so much to start. */
export const MIN_WORKER_BYTES = 16 * 2 ** 20;

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
