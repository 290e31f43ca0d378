// What the runs of the matrix found, kept as deploy/docs/lab/ARCH-VERSION.json; and the table that
// kernel-caveats.md has of it.

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
const BEGIN = '<!-- begin: made from lab/*.json -->';
const END = '<!-- end -->';

export function keepEvidence(name: string, evidence: Evidence): void {
  writeFileSync(join(KEPT, `${name}.json`), `${JSON.stringify(evidence, null, 2)}\n`);
  writeFileSync(PAGE, withTable(readFileSync(PAGE, 'utf8')));
}

/** The page with the table that the kept evidence makes. */
export function withTable(page: string): string {
  const [before = '', rest = ''] = page.split(BEGIN);
  const [, after = ''] = rest.split(END);
  return `${before}${BEGIN}\n\n${table(keptEvidence())}\n\n${END}${after}`;
}

function keptEvidence(): Evidence[] {
  return readdirSync(KEPT)
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(join(KEPT, name), 'utf8')) as Evidence)
    .sort((a, b) => {
      const order = b.arch.localeCompare(a.arch); // x86_64 first
      return order === 0 ? a.kernel.localeCompare(b.kernel, 'en', { numeric: true }) : order;
    });
}

function table(kept: readonly Evidence[]): string {
  const rows = kept.flatMap(({ kernel, arch, injected }) =>
    injected.map(({ what, times, counted }) => {
      const release = kernel.replace(/\+.*/, '');
      return `| ${release} ${arch} | ${times} × ${what} | ${counts(counted)} |`;
    }),
  );
  return ['| kernel | injected | counted |', '| --- | --- | --- |', ...rows].join('\n');
}

function counts(counted: Evidence['injected'][number]['counted']): string {
  if (typeof counted === 'string') return `nothing: ${counted.replace(/(hwerr_\w+)/, '`$1`')}`;
  const grown = Object.entries(counted).filter(([, count]) => count > 0);
  return grown.map(([category, count]) => `\`${category}\` ${count}`).join(', ') || 'nothing';
}
