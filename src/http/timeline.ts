// The last error of each category on the way to the panic, as an inline SVG: time runs to the right,
// on a logarithmic scale, for 8 seconds and 3 days both matter. Positions are in per cent, so that
// it fits any width with text of one size.

import { type Html, html } from './html.ts';
import type { CategoryView } from './views.ts';
import { categoryName, span } from '../wording.ts';

const LEFT = 24;
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

/** undefined when no error can be placed before the panic. */
export function timeline(
  categories: readonly CategoryView[],
  windowSeconds: number,
): Html | undefined {
  const placed = categories.flatMap(({ category, count, leadSeconds: lead }) =>
    lead === null || lead < 0 ? [] : [{ category, count, lead }],
  );
  if (placed.length === 0) return undefined;
  const longest = Math.max(3600, 2 * windowSeconds, ...placed.map(({ lead }) => 2 * lead));
  const x = (lead: number): string => {
    const share = Math.log1p(lead) / Math.log1p(longest);
    return `${(RIGHT - share * (RIGHT - LEFT)).toFixed(2)}%`;
  };
  const bottom = placed.length * ROW_HEIGHT + 4;
  const windowShare = (Math.log1p(windowSeconds) / Math.log1p(longest)) * (RIGHT - LEFT);
  const said = placed.map(({ category, lead }) => `${categoryName(category)} ${span(lead)}`);
  return html`<svg
    class="timeline"
    width="100%"
    height="${bottom + AXIS_HEIGHT}"
    role="img"
    aria-label="Last errors before the panic: ${said.join(', ')}"
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
    ${placed.map(({ category, lead }, i) => {
      const y = i * ROW_HEIGHT + 14;
      const mark = lead <= windowSeconds ? 'mark near' : 'mark';
      return html`<text class="name" x="0" y="${y + 4}">${category}</text
        ><line class="row" x1="${LEFT}%" x2="${RIGHT}%" y1="${y}" y2="${y}"></line
        ><circle class="${mark}" cx="${x(lead)}" cy="${y}" r="6"></circle>`;
    })}
    <line class="panic" x1="${RIGHT}%" x2="${RIGHT}%" y1="0" y2="${bottom}"></line>
    <text class="panic" x="100%" y="${bottom + 14}" text-anchor="end">panic</text>
  </svg>`;
}
