// Durations in the syntax of Prometheus: units from large to small, each at most once.

const DURATION_UNITS_MS: readonly (readonly [string, number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
];

/** Parses a duration. Returns milliseconds; undefined if it is invalid, zero or too long for a Node timer. */
export function parseDuration(text: string): number | undefined {
  const ms = durationMs(text);
  return ms !== undefined && ms < 2 ** 31 ? ms : undefined; // the maximum of a Node timer
}

/** As parseDuration(), without the maximum. Milliseconds. */
export function durationMs(text: string): number | undefined {
  const match =
    /^(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?(?:(\d{1,6})ms)?$/.exec(text);
  if (match === null || text === '') return undefined;
  const ms = DURATION_UNITS_MS.reduce(
    (sum, [, unit], i) => sum + Number(match[i + 1] ?? 0) * unit,
    0,
  );
  return ms > 0 ? ms : undefined;
}
