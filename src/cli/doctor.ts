// hwerr-exporter doctor: checks the installation from kdump to Prometheus. One line per check; a failed
// one says what to do.

import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type DecodeOutcome, decodeFile } from '../decode/decode-file.ts';
import { type Config, FLAGS, type FlagValues } from '../config.ts';
import { KEXEC_CRASH_LOADED, kdumpArmed } from '../host/kexec-state.ts';
import type { FoundFile } from '../ingest/scan.ts';
import { verdictOf } from '../triage.ts';
import type { CrashReport } from '../vmcore/index.ts';
import { advice, verdictText } from '../wording.ts';
import { type Finding, ok, printFindings, problem, unknown } from './finding.ts';
import { look } from './look.ts';
import { cannotRead, checkDirectory, checkLedger, checkWebConfig } from './path-checks.ts';
import { UNIT_SETTINGS } from './program.ts';
import { remoteObjects } from './remote.ts';
import { type RunningExporter, askExporter } from './running-exporter.ts';
import { unitConfig } from './settings.ts';
import type { Terminal } from './terminal.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * @param envFile path of the unit's EnvironmentFile=; undefined: UNIT_SETTINGS, if it exists.
 * @returns the exit code: 0 if all is well, 1 if something is wrong or could not be checked.
 */
export async function doctorCommand(
  given: FlagValues,
  envFile: string | undefined,
  environment: Environment,
  terminal: Terminal,
): Promise<0 | 1> {
  return (await printFindings(checks(given, envFile, environment), terminal)) ? 0 : 1;
}

async function* checks(
  given: FlagValues,
  envFile: string | undefined,
  own: Environment,
): AsyncGenerator<Finding> {
  const file = envFile ?? (existsSync(UNIT_SETTINGS) ? UNIT_SETTINGS : undefined);
  const { config, findings } = unitConfig(given, file, own);
  yield* findings;
  if (config === undefined) return;
  yield ok(`settings: good${file === undefined ? '' : `, from ${file}`}`);
  if (config.webConfigFile !== undefined) yield checkWebConfig(config.webConfigFile);
  // In central mode the dumps, and the state of kdump that matters, are those of other hosts.
  if (config.mode === 'node') yield checkKdump();
  yield await checkSample();
  const exporter = await askExporter(config);
  const hangs = yield* checkDumps(config, exporter);
  for (const path of config.symbolPaths) yield checkDirectory(path, FLAGS.symbolPaths.name);
  yield exporter.metrics === undefined ? await checkLedger(config) : ledgerOf(exporter.metrics);
  yield exporter.finding;
  // exit() waits for all threads, forever if one hangs in a system call.
  if (hangs) process.kill(process.pid, 'SIGTERM');
}

function checkKdump(): Finding {
  switch (kdumpArmed()) {
    case true:
      return ok('kdump: a crash kernel is loaded: the next panic leaves a dump');
    case false:
      return problem(
        'kdump: no crash kernel is loaded: the next panic leaves no dump. Enable kdump, or kdump-tools on Debian (deploy/docs/kdump.md)',
      );
    case undefined:
      return unknown(`kdump: ${KEXEC_CRASH_LOADED} cannot be read: a container, or no kexec`);
  }
}

/** A tiny dump with a known verdict; gzip, so that decoding it also needs the temporary directory. */
const SAMPLE = fileURLToPath(new URL('./sample.vmcore.gz', import.meta.url));

async function checkSample(): Promise<Finding> {
  const outcome = await decodeFile(SAMPLE, { symbolPaths: [] });
  const verdict = outcome.kind === 'report' ? verdictOf(outcome.report, Infinity) : undefined;
  if (verdict?.kind === 'suspect') return ok('decoder: it decodes the sample dump');
  return problem(`decoder: cannot decode the sample dump: ${whyNot(outcome)}`);
}

/** A directory that is not read in this time is not checked. */
const LOOK_MS = 10_000;

/** Checks each directory and the newest dump. @returns whether a directory is still being read. */
async function* checkDumps(
  config: Config,
  exporter: RunningExporter,
): AsyncGenerator<Finding, boolean> {
  const found: FoundFile[] = [];
  let isWhole = true;
  let hangs = false;
  for (const directory of config.directories) {
    const seen = await Promise.race([
      look(directory, config.excluded),
      sleep(LOOK_MS, undefined, { ref: false }),
    ]);
    if (seen === undefined) {
      isWhole = false;
      hangs = true;
      const why = 'it is large, or its mount hangs because the NFS server is gone';
      yield unknown(`${directory}: not read in ${LOOK_MS / 1000} s: ${why}`);
      continue;
    }
    const { files, unreadable } = seen;
    found.push(...files);
    const [first] = unreadable;
    if (first === undefined) {
      yield ok(`${directory}: can be read; ${counted(files.length, 'dump')}`);
      continue;
    }
    isWhole = false;
    const refused = await cannotRead(first.path, first.error, FLAGS.directories.name);
    const more = unreadable.length === 1 ? '' : ` (and ${unreadable.length - 1} more below it)`;
    const isOnlyOurs = first.error.reason === 'permission' && isUp(directory, exporter);
    yield isOnlyOurs
      ? unknown(forRoot(first.path))
      : { ...refused, text: `${refused.text}${more}` };
  }
  // Unfinished dumps count only after --kdump.incomplete-after, as for the daemon: kdump may still be writing
  // them.
  const stillSince = Date.now() - config.incompleteAfterMs;
  const dumps = found
    .filter(({ isUnfinished, mtimeMs }) => !isUnfinished || mtimeMs <= stillSince)
    .sort((a, b) => b.mtimeMs - a.mtimeMs);
  const newest = await checkNewest(dumps, config, exporter);
  if (newest !== undefined) yield newest;
  else if (isWhole) yield ok('newest dump: there is none yet');
  return hangs;
}

function counted(count: number, what: string): string {
  return count === 1 ? `1 ${what}` : `${count} ${what}s`;
}

/** Whether the running exporter can read a directory; it may have privileges that this process lacks. */
function isUp(directory: string, { metrics }: RunningExporter): boolean {
  const series = `hwerr_directory_up{directory=${JSON.stringify(directory)}} 1`;
  return metrics?.includes(`\n${series}\n`) === true;
}

/** Root itself may be refused by an NFS server, which knows it as nobody. */
function forRoot(path: string): string {
  const user = process.getuid?.() === 0 ? "the exporter's user" : 'root';
  return `${path}: the running exporter has its own rights, and you may not read this: run doctor as ${user}`;
}

/** @returns undefined if none of the files is a vmcore: process cores may be there too. */
async function checkNewest(
  files: readonly FoundFile[],
  config: Config,
  exporter: RunningExporter,
): Promise<Finding | undefined> {
  const { symbolPaths, decodeMaxMemoryBytes: maxMemoryBytes, decodeTimeoutMs: timeoutMs } = config;
  const remote = await remoteObjects(config.directories, { timeoutMs, plainHttp: false });
  for (const { root, path } of files) {
    const outcome = await decodeFile(path, { root, symbolPaths, maxMemoryBytes, remote });
    if (outcome.kind === 'process_core') continue;
    const what = `newest dump: ${path}`;
    if (outcome.kind === 'report') {
      const windowSeconds = config.suspectWindowMs / 1000;
      return answerOf(what, outcome.report, windowSeconds);
    }
    const isRefused = outcome.kind === 'failure' && outcome.failure.reason === 'permission';
    if (isRefused && isUp(root, exporter)) return unknown(`newest dump: ${forRoot(path)}`);
    return problem(`${what}: cannot be decoded: ${whyNot(outcome)}`);
  }
  return undefined;
}

function answerOf(what: string, report: CrashReport, windowSeconds: number): Finding {
  const { hwerr } = report;
  const verdict = verdictText(verdictOf(report, windowSeconds));
  const isAnswered = hwerr.kind === 'present' || hwerr.reason === 'kernel_without_hwerr';
  return isAnswered
    ? ok(`${what}: ${verdict}`)
    : problem(`${what}: ${verdict}. ${advice(hwerr.reason)}`);
}

function whyNot(outcome: DecodeOutcome): string {
  switch (outcome.kind) {
    case 'report':
      return 'its counters are wrong: reinstall the exporter';
    case 'failure':
    case 'process_core':
      return `${outcome.failure.message}. ${advice(outcome.failure.reason)}`;
    case 'changed':
      return 'it is being written: run this again when it is done';
    case 'gone':
      return 'it is not there any more';
  }
}

/** Takes the state of the ledger from the exporter's metrics, because it may run as another user. */
function ledgerOf(metrics: string): Finding {
  const state = /^hwerr_ledger_state\{state="(\w+)"\} 1$/m.exec(metrics)?.[1] ?? 'unknown';
  if (state === 'ready') return ok('ledger: the running exporter can write it');
  return problem(`ledger: the running exporter says ${state}: its log has the reason`);
}
