// What the runs of the matrix found, kept as test/lab/runs/ARCH-VERSION.json; and the
// tables that kernel-caveats.md has of it.

import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { KEPT } from './run-record.ts';

export interface Evidence {
  readonly kernel: string;
  readonly arch: string;
  /** In this order; `counted` is by how much each category grew, read by QEMU. */
  readonly injected: readonly {
    readonly what: string;
    readonly times: number;
    readonly counted: Readonly<Record<string, number>> | 'no hwerr_data';
  }[];
  /** Options of makedumpfile, or `cp`. All decode to the same counts. */
  readonly dumps: readonly { readonly makedumpfile: string; readonly bytes: number }[];
  readonly seconds: number;
}

const PAGE = fileURLToPath(new URL('../../deploy/docs/kernel-caveats.md', import.meta.url));
const BEGIN = '<!-- begin: made from test/lab/runs/*.json -->';
const END = '<!-- end -->';

export function keepEvidence(name: string, evidence: Evidence): void {
  writeFileSync(join(KEPT, `${name}.json`), `${JSON.stringify(evidence, null, 2)}\n`);
  writeTables();
}

/** Into kernel-caveats.md, of all that is kept. */
export function writeTables(): void {
  writeFileSync(PAGE, withTables(readFileSync(PAGE, 'utf8')));
}

/** The page with the tables that the kept evidence makes: one for each architecture. */
export function withTables(page: string): string {
  const [before = '', rest = ''] = page.split(BEGIN);
  const [, after = ''] = rest.split(END);
  const kept = keptEvidence();
  const arches = [...new Set(kept.map(({ arch }) => arch))].sort().reverse(); // x86_64 first
  const tables = arches.map((name) => table(kept.filter(({ arch }) => arch === name)));
  return `${before}${BEGIN}\n\n${tables.join('\n\n')}\n\n${END}${after}`;
}

function keptEvidence(): Evidence[] {
  return readdirSync(KEPT)
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(join(KEPT, name), 'utf8')) as Evidence)
    .sort((a, b) => a.kernel.localeCompare(b.kernel, 'en', { numeric: true }));
}

/** A row for each kind of error, a column for each kernel. */
function table(kept: readonly Evidence[]): string {
  const title = ({ times, what }: { times: number; what: string }): string => `${times} × ${what}`;
  const titles = new Set(kept.flatMap(({ injected }) => injected.map(title)));
  const rows = [...titles].map((wanted) => [
    wanted,
    ...kept.map(({ injected }) => cell(injected.find((one) => title(one) === wanted)?.counted)),
  ]);
  const head = [`injected into ${kept[0]!.arch}`, ...kept.map(({ kernel }) => version(kernel))];
  const lines = [head, head.map(() => '---'), ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function version(release: string): string {
  return release.replace(/\+.*/, '');
}

function cell(counted: Evidence['injected'][number]['counted'] | undefined): string {
  if (counted === undefined) return 'not tried';
  if (typeof counted === 'string') return 'no array';
  const grown = Object.entries(counted).map(([category, count]) => `\`${category}\` ${count}`);
  return grown.join(', ') || 'nothing';
}
