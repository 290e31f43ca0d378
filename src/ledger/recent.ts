// How many of something came in a span of time that ends now. They are counted by slices of it, so that
// memory is bounded by the span, not by how many there are.

const DAY_SECONDS = 86_400;
const SLICES = 720;

/** A span of time, exact to its 720th part: an hour in 30 days. */
interface Span {
  readonly seconds: number;
  readonly sliceSeconds: number;
}

function days(count: number): Span {
  const seconds = count * DAY_SECONDS;
  return { seconds, sliceSeconds: seconds / SLICES };
}

/** Within which crashes are recent, and suspect crashes. */
export const SPANS = { crashes: days(1), suspects: days(30) } as const satisfies Record<
  string,
  Span
>;

/** A slice of time, by its number since 1970, and how many came in it. */
export type Slice = readonly [number, number];

/** How many came in the span before `nowSeconds`, or later. */
export function recent(
  slices: readonly Slice[],
  { seconds, sliceSeconds }: Span,
  nowSeconds: number,
): number {
  const oldest = Math.floor((nowSeconds - seconds) / sliceSeconds);
  return slices.reduce((sum, [slice, count]) => (slice > oldest ? sum + count : sum), 0);
}
