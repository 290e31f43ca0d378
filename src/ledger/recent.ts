// Counts of recent events. Events are counted per slice of a time span, so that memory depends on the span,
// not on the number of events.

const DAY_SECONDS = 86_400;
const SLICES = 720;

/** A time span with a resolution of 1/720: an hour in 30 days. */
interface Span {
  readonly seconds: number;
  readonly sliceSeconds: number;
}

function days(count: number): Span {
  const seconds = count * DAY_SECONDS;
  return { seconds, sliceSeconds: seconds / SLICES };
}

/** How long crashes, and suspect crashes, count as recent. */
export const SPANS = { crashes: days(1), suspects: days(30) } as const satisfies Record<
  string,
  Span
>;

/** Number of a slice of time since 1970, and of the events in it. */
export type Slice = readonly [number, number];

/** Returns the number of events in the span before `nowSeconds`, and of later ones. */
export function recent(
  slices: readonly Slice[],
  { seconds, sliceSeconds }: Span,
  nowSeconds: number,
): number {
  const oldest = Math.floor((nowSeconds - seconds) / sliceSeconds);
  return slices.reduce((sum, [slice, count]) => (slice > oldest ? sum + count : sum), 0);
}
