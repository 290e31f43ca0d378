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
  readonly fieldConfig: {
    readonly defaults: Field;
    readonly overrides: readonly {
      readonly matcher: { readonly options: string };
      readonly properties: readonly { readonly id: string; readonly value: unknown }[];
    }[];
  };
  readonly transformations?: readonly {
    readonly options: {
      readonly excludeByName?: Readonly<Record<string, boolean>>;
      readonly renameByName?: Readonly<Record<string, string>>;
    };
  }[];
}

/** How a value is written. */
interface Field {
  readonly unit: string;
  readonly mappings: readonly {
    readonly options: Readonly<Record<string, { readonly text: string }>>;
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
  const lines =
    panel.type === 'timeseries'
      ? graph(panel, data, width, height)
      : panel.type === 'table'
        ? table(panel, data, width)
        : list(panel, data, height);
  return `<g transform="translate(${x * UNIT_X + 4} ${y * UNIT_Y + 4})">
<rect width="${width}" height="${height}" fill="white" stroke="#d0d7de"/>
<text x="8" y="18" font-weight="bold"${fitted(panel.title, width - 16)}>${escape(panel.title)}</text>
${lines.join('\n')}
</g>`;
}

/** Squeezes a text that is longer than there is room. */
function fitted(text: string, room: number): string {
  return text.length * 7.4 > room ? ` textLength="${room}" lengthAdjust="spacingAndGlyphs"` : '';
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

/** Stat, bar gauge: the newest value of each series. */
function list(panel: Panel, data: PanelData, height: number): string[] {
  const rows = named(panel, data);
  const room = Math.floor((height - 24) / 15);
  const texts = rows.map(({ name, points }) =>
    [...(name === '' ? [] : [name]), written(points.at(-1)?.[1], panel.fieldConfig.defaults)].join(
      ': ',
    ),
  );
  const shown =
    texts.length > room
      ? [...texts.slice(0, room - 1), `and ${texts.length - room + 1} more`]
      : texts;
  return shown.map((text, i) => `<text x="8" y="${36 + i * 15}">${escape(text)}</text>`);
}

type Row = ReadonlyMap<string, string>;

/** As Grafana merges: what agrees in the labels it shares is one row; then columns are renamed. */
function table(panel: Panel, data: PanelData, width: number): string[] {
  const options = (panel.transformations ?? []).map((step) => step.options);
  const { renameByName = {} } = options.find((option) => option.renameByName) ?? {};
  const { excludeByName = {} } = options.find((option) => option.excludeByName) ?? {};
  const rows: Row[] = [];
  data.forEach((series, i) => {
    const column = panel.targets.length > 1 ? `Value #${panel.targets[i]!.refId}` : 'Value';
    const field = fieldOf(panel, renameByName[column] ?? column);
    for (const { labels, points } of series) {
      const cells = new Map([
        ...Object.entries(labels),
        [column, written(points.at(-1)?.[1], field)] as const,
      ]);
      const at = rows.findIndex((row) => [...cells].every(([k, v]) => (row.get(k) ?? v) === v));
      if (at < 0) rows.push(cells);
      else rows[at] = new Map([...rows[at]!, ...cells]);
    }
  });
  const there = new Set(rows.flatMap((row) => [...row.keys()]));
  const columns = [...new Set([...Object.keys(renameByName), ...there])].filter(
    (name) => there.has(name) && !excludeByName[name],
  );
  const room = (width - 16) / columns.length;
  const line = (y: number, texts: readonly string[], style: string): string[] =>
    texts.map((text, i) => {
      const x = 8 + i * room;
      return `<text x="${x.toFixed(1)}" y="${y}"${style}${fitted(text, room - 8)}>${escape(text)}</text>`;
    });
  return [
    ...line(
      36,
      columns.map((name) => renameByName[name] ?? name),
      ' fill="#57606a"',
    ),
    ...rows.flatMap((row, i) =>
      line(
        54 + i * 15,
        columns.map((name) => row.get(name) ?? ''),
        '',
      ),
    ),
  ];
}

function fieldOf({ fieldConfig: { defaults, overrides } }: Panel, name: string): Field {
  const own = overrides.filter(({ matcher }) => matcher.options === name);
  const properties = own.flatMap((override) => override.properties);
  const changed = properties.map(({ id, value }) => [id, value] as const);
  return { ...defaults, ...(Object.fromEntries(changed) as Partial<Field>) };
}

function graph(panel: Panel, data: PanelData, width: number, height: number): string[] {
  const series = named(panel, data);
  const field = panel.fieldConfig.defaults;
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
    `<text x="${width - 8}" y="18" text-anchor="end" fill="#57606a">0 to ${written(top, field)}</text>`,
    ...series.slice(0, 6).map((one, i) => {
      const x = 8 + (i % 3) * (width / 3);
      const text = `${one.name} ${written(one.points.at(-1)?.[1], field)}`;
      const y = height - 17 + Math.floor(i / 3) * 13;
      return `<text x="${x}" y="${y}" fill="${colorOf(i)}" font-size="11"${fitted(text, width / 3 - 8)}>${escape(text)}</text>`;
    }),
  ];
}

function colorOf(i: number): string {
  return COLORS[i % COLORS.length]!;
}

/** A value with its unit, or in the words it is mapped to. */
function written(value: number | undefined, { unit, mappings }: Field): string {
  if (value === undefined) return '';
  const word = mappings.map(({ options }) => options[String(value)]).find((option) => option);
  if (word !== undefined) return word.text;
  switch (unit) {
    case 'dateTimeAsIso':
      return new Date(value).toISOString().replace('.000Z', 'Z');
    case 'bytes':
      return `${number(value / 2 ** 20)} MiB`;
    case 's':
      return value >= 86_400 ? `${number(value / 86_400)} d` : `${number(value)} s`;
    default:
      return number(value);
  }
}

function number(value: number): string {
  return String(Number.isInteger(value) ? value : Number(value.toPrecision(4)));
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
