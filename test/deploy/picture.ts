// A dashboard as one SVG: its panels where Grafana would put them, each with the data its queries
// returned. Drawn by the test; it shows the data, not how Grafana looks.

import type { Series } from './prometheus.ts';

export interface Panel {
  readonly id: number;
  readonly title: string;
  readonly type: string;
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
  readonly targets: readonly {
    readonly refId: string;
    readonly expr: string;
    readonly legendFormat: string;
    readonly instant: boolean;
  }[];
}

/** The series of each target of a panel, in their order. */
export type PanelData = readonly (readonly Series[])[];

const UNIT_X = 50;
const UNIT_Y = 34;
const COLORS = ['#1f6feb', '#d1242f', '#1a7f37', '#9a6700', '#8250df', '#57606a'];

/** @param data what the panels' queries returned, by panel id. */
export function picture(panels: readonly Panel[], data: ReadonlyMap<number, PanelData>): string {
  const height = Math.max(...panels.map(({ gridPos }) => gridPos.y + gridPos.h)) * UNIT_Y;
  const drawn = panels.map((panel) => drawPanel(panel, data.get(panel.id) ?? []));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${24 * UNIT_X} ${height}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#f6f8fa"/>
${drawn.join('\n')}
</svg>
`;
}

function drawPanel(panel: Panel, data: PanelData): string {
  const { x, y, w, h } = panel.gridPos;
  const width = w * UNIT_X - 8;
  const height = h * UNIT_Y - 8;
  const lines = isGraph(panel) ? graph(panel, data, width, height) : list(panel, data, height);
  return `<g transform="translate(${x * UNIT_X + 4} ${y * UNIT_Y + 4})">
<rect width="${width}" height="${height}" fill="white" stroke="#d0d7de"/>
<text x="8" y="18" font-weight="bold">${escape(panel.title.slice(0, width / 8))}</text>
${lines.join('\n')}
</g>`;
}

function isGraph({ type }: Panel): boolean {
  return type === 'timeseries';
}

interface Named {
  readonly name: string;
  readonly points: Series['points'];
}

function named({ targets }: Panel, data: PanelData): Named[] {
  return data.flatMap((series, i) =>
    series.map(({ labels, points }) => ({
      name: nameOf(targets[i]!, labels, targets.length > 1),
      points,
    })),
  );
}

/** The legend with its labels filled in; without a legend, the labels. */
function nameOf(
  { legendFormat, refId }: Panel['targets'][number],
  labels: Series['labels'],
  several: boolean,
): string {
  const { __name__: _, job: __, ...shown } = labels;
  const all = [
    ...(several ? [refId] : []),
    ...Object.entries(shown).map(([label, value]) => `${label}=${value}`),
  ];
  const name =
    legendFormat === ''
      ? all.join(' ')
      : legendFormat.replace(/\{\{(\w+)\}\}/g, (_match, label: string) => labels[label] ?? '');
  return name.replace(/\/\S*\//g, ''); // where this machine has its temporary files
}

/** Stat, bar gauge, table: the newest value of each series. */
function list(panel: Panel, data: PanelData, height: number): string[] {
  const rows = named(panel, data);
  const room = Math.floor((height - 24) / 15);
  const texts = rows.map(({ name, points }) =>
    [...(name === '' ? [] : [name]), number(points.at(-1)?.[1])].join(': '),
  );
  const shown =
    texts.length > room
      ? [...texts.slice(0, room - 1), `and ${texts.length - room + 1} more`]
      : texts;
  return shown.map((text, i) => `<text x="8" y="${36 + i * 15}">${escape(text)}</text>`);
}

function graph(panel: Panel, data: PanelData, width: number, height: number): string[] {
  const series = named(panel, data);
  const points = series.flatMap((one) => one.points).filter(([, value]) => Number.isFinite(value));
  const times = points.map(([time]) => time);
  const [from, to] = [Math.min(...times), Math.max(...times)];
  const top = Math.max(...points.map(([, value]) => value), 0) || 1;
  const bottom = height - 30;
  const place = ([time, value]: readonly [number, number]): string => {
    const x = 8 + ((time - from) / (to - from || 1)) * (width - 16);
    return `${x.toFixed(1)},${(bottom - (value / top) * (bottom - 30)).toFixed(1)}`;
  };
  return [
    ...series.map((one, i) => {
      const path = one.points.filter(([, value]) => Number.isFinite(value)).map(place);
      return `<polyline fill="none" stroke="${colorOf(i)}" points="${path.join(' ')}"/>`;
    }),
    `<text x="${width - 8}" y="18" text-anchor="end" fill="#57606a">0 to ${number(top)}</text>`,
    ...series.slice(0, 6).map((one, i) => {
      const x = 8 + (i % 3) * (width / 3);
      const text = `${one.name} ${number(one.points.at(-1)?.[1])}`.slice(0, width / 20);
      return `<text x="${x}" y="${height - 17 + Math.floor(i / 3) * 13}" fill="${colorOf(i)}" font-size="11">${escape(text)}</text>`;
    }),
  ];
}

function colorOf(i: number): string {
  return COLORS[i % COLORS.length]!;
}

function number(value: number | undefined): string {
  if (value === undefined) return '';
  return String(Number.isInteger(value) ? value : Number(value.toPrecision(4)));
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
