// What the runs of the matrix found, kept as test/lab/runs/ARCH-VERSION.json; and the
// tables that kernel-caveats.md has of it.

import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { type CrashReport, partName } from '../../src/vmcore/index.ts';
import { KEPT } from './run-record.ts';

export interface Evidence {
  readonly kernel: string;
  /** Version of its Debian package. */
  readonly debian?: string;
  readonly arch: string;
  /** In this order; `counted` is by how much each category grew, read by QEMU. */
  readonly injected: readonly {
    readonly what: string;
    readonly times: number;
    readonly counted: Readonly<Record<string, number>> | 'no hwerr_data';
    /** What the log of the dump came to, in words. */
    readonly logged?: readonly string[];
  }[];
  /** Options of makedumpfile, or `copy`; `cp` in older runs. All decode to the same counts. */
  readonly dumps: readonly { readonly makedumpfile: string; readonly bytes: number }[];
  readonly seconds: number;
  /** Crashes of errors that end it. */
  readonly deaths?: readonly Death[];
}

interface Death {
  readonly what: string;
  readonly panic: string;
  /** The error that it died of by its log, in words. */
  readonly cause: string;
  readonly seconds: number;
}

const PAGE = fileURLToPath(new URL('../../deploy/docs/kernel-caveats.md', import.meta.url));
const BEGIN = '<!-- begin: made from test/lab/runs/*.json -->';
const END = '<!-- end -->';

/** What a kernel survived, beside what is kept of its deaths. */
export function keepEvidence(name: string, survived: Omit<Evidence, 'deaths'>): void {
  const file = join(KEPT, `${name}.json`);
  const deaths = existsSync(file) ? keptOf(name).deaths : undefined;
  keep(name, { ...survived, ...(deaths === undefined ? {} : { deaths }) });
}

/** Beside what is kept of that kernel, which has died of something else first. */
export function keepDeath(name: string, death: Death): void {
  const kept = keptOf(name);
  const others = (kept.deaths ?? []).filter(({ what }) => what !== death.what);
  keep(name, { ...kept, deaths: [...others, death] });
}

function keptOf(name: string): Evidence {
  return JSON.parse(readFileSync(join(KEPT, `${name}.json`), 'utf8')) as Evidence;
}

function keep(name: string, evidence: Evidence): void {
  writeFileSync(join(KEPT, `${name}.json`), `${JSON.stringify(evidence, null, 2)}\n`);
  writeTables();
}

/** `recoverable memory error, page 0x12345000` */
export function inWords({
  category,
  severity,
  part,
}: CrashReport['hardwareEvents'][number]): string {
  const name = partName(part);
  const error = `${severity} \`${category}\` error`;
  return name === null ? error : `${error}, ${name}`;
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
  const tables = arches.flatMap((name) => tablesOf(kept.filter(({ arch }) => arch === name)));
  return `${before}${BEGIN}\n\n${tables.join('\n\n')}\n\n${END}${after}`;
}

function keptEvidence(): Evidence[] {
  return readdirSync(KEPT)
    .filter((name) => name.endsWith('.json'))
    .map((name) => keptOf(name.replace('.json', '')))
    .sort((a, b) => a.kernel.localeCompare(b.kernel, 'en', { numeric: true }));
}

type Injected = Evidence['injected'][number];

/** Of one architecture: what was survived, a column for each kernel; and what it died of. */
function tablesOf(kept: readonly Evidence[]): string[] {
  const { arch } = kept[0]!;
  const versions = kept.map(versionOf);
  const survived = rowsOf(kept, ({ injected }) => injected, title).map(({ key, cells }) => [
    key,
    byVersion(cells.map(logCell), versions),
    ...cells.map((one) => cell(one?.counted)),
  ]);
  const died = rowsOf(
    kept,
    ({ deaths = [] }) => deaths,
    ({ what }) => what,
  ).map(({ key, cells }) => [
    key,
    byVersion(
      cells.map((one) => one && `\`${one.panic}\``),
      versions,
    ),
    byVersion(
      cells.map((one) => one?.cause),
      versions,
    ),
  ]);
  return [
    table([`injected into ${arch}`, 'in the log', ...versions], survived),
    ...(died.length === 0 ? [] : [table([`ended ${arch}`, 'panic', 'in the log'], died)]),
  ];
}

/** For each of what any of the kept has: of each of the kept the same, or undefined. */
function rowsOf<T>(
  kept: readonly Evidence[],
  listOf: (one: Evidence) => readonly T[],
  keyOf: (one: T) => string,
): { readonly key: string; readonly cells: readonly (T | undefined)[] }[] {
  const keys = new Set(kept.flatMap((one) => listOf(one).map(keyOf)));
  return [...keys].map((key) => ({
    key,
    cells: kept.map((one) => listOf(one).find((row) => keyOf(row) === key)),
  }));
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => '---'), ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function title({ times, what }: Injected): string {
  return `${times} × ${what}`;
}

/** `5.10.223`, `7.3~rc7`, `7.3.4 rt`, `6.1.176 686-pae` */
function versionOf({ kernel, debian }: Evidence): string {
  const version = debian?.replace(/-\d.*/, '') ?? kernel.replace(/\+.*/, '');
  const flavour = /-(rt|686(-pae)?)\b/.exec(kernel)?.[1];
  return flavour === undefined ? version : `${version} ${flavour}`;
}

function cell(counted: Injected['counted'] | undefined): string {
  if (counted === undefined) return 'not tried';
  if (typeof counted === 'string') return 'no array';
  const grown = Object.entries(counted).map(([category, count]) => `\`${category}\` ${count}`);
  return grown.join(', ') || 'nothing';
}

/** Equal errors that follow each other are told of once. */
function logCell(injected: Injected | undefined): string | undefined {
  const { logged } = injected ?? {};
  if (logged === undefined) return undefined;
  const distinct = [...new Set(logged)];
  const counts = distinct.map((one) => logged.filter((other) => other === one).length);
  return distinct.map((one, i) => `${counts[i]} × ${one}`).join('; ') || 'nothing';
}

/** What all kernels have in common; where they differ or some lack an answer, each with its kernels. */
function byVersion(answers: readonly (string | undefined)[], versions: readonly string[]): string {
  const distinct = [...new Set(answers.filter((answer) => answer !== undefined))];
  if (distinct.length === 0) return 'not tried';
  if (new Set(answers).size === 1) return distinct[0]!;
  return distinct
    .map((answer) => {
      const having = versions.filter((_, i) => answers[i] === answer);
      return `${answer} (${having.join(', ')})`;
    })
    .join('; or ');
}
