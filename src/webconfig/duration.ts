// Durations in the syntax of Go's time.ParseDuration, for rate_limit.interval: `1s`, `1h30m`, `1.5s`.

const UNITS_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Parses a duration. Returns milliseconds; a bare number is nanoseconds, as in Go. undefined if invalid. */
export function goDurationMs(value: string): number | undefined {
  if (/^[+-]?\d+$/.test(value)) return Number(value) * 1e-6;
  if (!/^(\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+$/.test(value)) return undefined;
  let ms = 0;
  for (const [, amount, unit] of value.matchAll(/([\d.]+)([a-zµ]+)/g)) {
    ms += Number(amount) * (UNITS_MS[unit ?? ''] ?? NaN);
  }
  return ms;
}
