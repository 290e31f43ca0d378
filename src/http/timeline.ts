// Errors before the panic as an inline SVG. Time runs to the right on a logarithmic scale, because both 8
// seconds and 3 days matter. Positions are percentages, so that the picture fits any width without scaling
// its text.

import { type Html, html } from './html.ts';

/** An error, `leadSeconds` before the panic. */
export interface TimelineError {
  readonly leadSeconds: number;
  /** Whether it may have caused the panic if it came shortly before. */
  readonly isSuspect: boolean;
}

/** A row of the picture: the errors of one kind. */
export interface TimelineRow {
  readonly name: string;
  readonly errors: readonly TimelineError[];
}

/** Start of the rows in percent, after short or long names. */
const LEFT = { short: 24, long: 45 };
const SHORT_NAME = 8;
const RIGHT = 95;
const ROW_HEIGHT = 22;
const AXIS_HEIGHT = 20;
const TICKS: readonly (readonly [seconds: number, label: string, always: boolean])[] = [
  [10, '10 s', true],
  [60, '1 min', false],
  [600, '10 min', true],
  [3600, '1 h', false],
  [86_400, '1 d', true],
  [30 * 86_400, '30 d', true],
  [365 * 86_400, '1 y', false],
];

/**
 * @param label text alternative of the picture.
 * @returns undefined if no error has a time before the panic.
 */
export function timeline(
  rows: readonly TimelineRow[],
  windowSeconds: number,
  label: string,
): Html | undefined {
  const placed = rows.filter(({ errors }) => errors.length > 0);
  if (placed.length === 0) return undefined;
  const oldest = placed
    .flatMap(({ errors }) => errors)
    .reduce((max, { leadSeconds }) => Math.max(max, leadSeconds), 0);
  const isLong = placed.some(({ name }) => name.length > SHORT_NAME);
  const left = isLong ? LEFT.long : LEFT.short;
  const longest = Math.max(3600, 2 * windowSeconds, 2 * oldest);
  const x = (lead: number): string => {
    const share = Math.log1p(lead) / Math.log1p(longest);
    return `${(RIGHT - share * (RIGHT - left)).toFixed(2)}%`;
  };
  const bottom = placed.length * ROW_HEIGHT + 4;
  const windowShare = (Math.log1p(windowSeconds) / Math.log1p(longest)) * (RIGHT - left);
  return html`<svg
    class="timeline"
    width="100%"
    height="${bottom + AXIS_HEIGHT}"
    role="img"
    aria-label="${label}"
  >
    <rect
      class="window"
      x="${x(windowSeconds)}"
      y="0"
      width="${windowShare.toFixed(2)}%"
      height="${bottom}"
    ></rect>
    ${TICKS.filter(([seconds]) => seconds < longest).map(
      ([seconds, label, always]) =>
        html`<g class="${always ? 'tick' : 'tick minor'}"
          ><line x1="${x(seconds)}" x2="${x(seconds)}" y1="0" y2="${bottom}"></line
          ><text x="${x(seconds)}" y="${bottom + 14}" text-anchor="middle">${label}</text></g
        >`,
    )}
    ${placed.map(({ name, errors }, i) => {
      const y = i * ROW_HEIGHT + 14;
      const circles = errors.map(({ leadSeconds, isSuspect }): [string, string] => [
        isSuspect && leadSeconds <= windowSeconds ? 'mark near' : 'mark',
        x(leadSeconds),
      ]);
      // Circles at the same position are drawn once.
      const distinct = new Map(circles.map((circle) => [circle.join(), circle]));
      return html`<text class="name" x="0" y="${y + 4}">${name}</text
        ><line class="row" x1="${left}%" x2="${RIGHT}%" y1="${y}" y2="${y}"></line>${[
          ...distinct.values(),
        ].map(([mark, at]) => html`<circle class="${mark}" cx="${at}" cy="${y}" r="6"></circle>`)}`;
    })}
    <line class="panic" x1="${RIGHT}%" x2="${RIGHT}%" y1="0" y2="${bottom}"></line>
    <text class="panic" x="100%" y="${bottom + 14}" text-anchor="end">panic</text>
  </svg>`;
}
