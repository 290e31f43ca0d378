// Every setting of the daemon: its flag, what it means, its default, how it is read. One table; the
// command line, the environment and --help are all made from it.

import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from './log.ts';

export interface Config {
  /** Dump directories, absolute. */
  readonly directories: readonly string[];
  /** Globs over paths below them. */
  readonly excluded: readonly string[];
  readonly settleMs: number;
  readonly rescanMs: number;
  readonly mode: Mode;
  /** The host of a dump that does not say, in node mode. */
  readonly nodeName: string;
  readonly maxHosts: number;
  /** Its first group is the host, where it matches a dump's path; undefined: the dump says it. */
  readonly hostPattern: RegExp | undefined;
  readonly suspectWindowMs: number;
  /** Directory of the ledger, absolute. */
  readonly ledgerPath: string;
  readonly decodeTimeoutMs: number;
  readonly decodeMaxMemoryBytes: number;
  readonly listen: ListenAddress;
  readonly telemetryPath: string;
  /** Whether to expose process_* and nodejs_*. */
  readonly exporterMetrics: boolean;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

export const MODES = ['node', 'central'] as const;
/** Whether the dumps are those of this machine, or of many. */
export type Mode = (typeof MODES)[number];

export interface ListenAddress {
  /** undefined: every address. */
  readonly host: string | undefined;
  readonly port: number;
}

/** A value of a flag, or of its environment variable, that cannot be what was meant. */
export class ConfigError extends Error {}

export interface Flag {
  readonly name: string;
  /** Placeholder of the value in --help; undefined for a switch. */
  readonly value: string | undefined;
  readonly help: string;
  readonly defaultValue: string | undefined;
  readonly repeatable: boolean;
}

export type FlagKey =
  | 'directories'
  | 'excluded'
  | 'settle'
  | 'rescan'
  | 'mode'
  | 'nodeName'
  | 'maxHosts'
  | 'hostPattern'
  | 'suspectWindow'
  | 'ledgerPath'
  | 'timeout'
  | 'maxMemory'
  | 'listen'
  | 'telemetryPath'
  | 'noExporterMetrics'
  | 'logLevel'
  | 'logFormat';

export const FLAGS: Readonly<Record<FlagKey, Flag>> = {
  directories: many('kdump.path', 'DIRECTORY', 'Where kdump writes its dumps.', '/var/crash'),
  excluded: many(
    'kdump.exclude',
    'GLOB',
    'Paths below it that are left alone.',
    '**/kdump-test-*/**',
  ),
  settle: single('kdump.settle', 'DURATION', 'How long a dump must lie still to be decoded.', '2s'),
  rescan: single('kdump.rescan', 'DURATION', 'Longest time between two scans.', '60s'),
  mode: single('mode', MODES.join('|'), 'Whose dumps they are: of this host, or of many.', 'node'),
  nodeName: single(
    'node.name',
    'HOST',
    'Name of this host, for dumps that do not say.',
    hostname(),
  ),
  maxHosts: single('central.max-hosts', 'COUNT', 'Hosts to keep metrics of.', '1000'),
  hostPattern: optional(
    'central.host-pattern',
    'REGEX',
    "Takes the host from a dump's path: its first group, where it matches.",
  ),
  suspectWindow: single(
    'hwerr.suspect-window',
    'DURATION',
    'A hardware error this shortly before the panic makes the crash suspect.',
    '5m',
  ),
  ledgerPath: single(
    'ledger.path',
    'DIRECTORY',
    'Where to keep what was learned.',
    '/var/lib/hwerr-exporter',
  ),
  timeout: single('decode.timeout', 'DURATION', 'Longest time for one dump.', '5m'),
  maxMemory: single('decode.max-memory', 'SIZE', 'Heap of the decoding thread.', '256MiB'),
  listen: single('web.listen-address', '[HOST]:PORT', 'Where to serve HTTP.', ':10048'),
  telemetryPath: single('web.telemetry-path', 'PATH', 'Where to serve metrics.', '/metrics'),
  noExporterMetrics: toggle(
    'web.disable-exporter-metrics',
    'Leave out metrics about the exporter itself (process_*, nodejs_*).',
  ),
  logLevel: single('log.level', LOG_LEVELS.join('|'), 'What is worth a line.', 'info'),
  logFormat: single('log.format', LOG_FORMATS.join('|'), 'How lines are written.', 'logfmt'),
};

/** What was given for a flag: the texts of a repeatable one, or the last text of any other. */
export type FlagValues = Readonly<Partial<Record<FlagKey, readonly string[]>>>;

/** The environment variable of a flag: `kdump.path` is HWERR_KDUMP_PATH. */
export function environmentName({ name }: Flag): string {
  return `HWERR_${name.toUpperCase().replace(/[.-]/g, '_')}`;
}

/**
 * The settings, from the flags given, then from the environment (a repeatable flag's values are
 * separated by commas there), then from the defaults.
 *
 * @throws ConfigError naming the flag and what was wanted.
 */
export function readConfig(
  given: FlagValues,
  environment: Readonly<Record<string, string | undefined>>,
): Config {
  const texts = (key: FlagKey): readonly string[] => {
    const flag: Flag = FLAGS[key];
    const fromEnvironment = environment[environmentName(flag)];
    const value = given[key] ?? (fromEnvironment === undefined ? undefined : [fromEnvironment]);
    if (value === undefined) return flag.defaultValue === undefined ? [] : [flag.defaultValue];
    if (given[key] !== undefined || !flag.repeatable) return value;
    return value.flatMap((text) => text.split(',')).filter((text) => text !== '');
  };
  const parsed = <T>(key: FlagKey, parse: (text: string) => T | undefined, want: string): T => {
    const text = texts(key).at(-1) ?? '';
    const value = parse(text);
    if (value !== undefined) return value;
    throw new ConfigError(`--${FLAGS[key].name}: got ${JSON.stringify(text)}, want ${want}`);
  };
  const duration = (key: FlagKey): number =>
    parsed(key, parseDuration, 'a duration such as 2s, 5m or 1h30m');
  return Object.freeze({
    directories: texts('directories').map((path) => resolve(path)),
    excluded: texts('excluded'),
    settleMs: duration('settle'),
    rescanMs: duration('rescan'),
    mode: parsed('mode', (text) => oneOf(MODES, text), MODES.join(' or ')),
    nodeName: parsed(
      'nodeName',
      (text) => (/^[\w.:-]{1,64}$/.test(text) ? text : undefined),
      'a host name',
    ),
    maxHosts: parsed('maxHosts', parseCount, 'a number from 1 to 100000'),
    hostPattern:
      texts('hostPattern').length === 0
        ? undefined
        : parsed('hostPattern', parsePattern, 'a regular expression with a group'),
    suspectWindowMs: duration('suspectWindow'),
    ledgerPath: resolve(parsed('ledgerPath', (text) => text || undefined, 'a directory')),
    decodeTimeoutMs: duration('timeout'),
    decodeMaxMemoryBytes: parsed('maxMemory', parseSize, 'a size such as 256MiB or 1GiB'),
    listen: parsed('listen', parseListenAddress, 'HOST:PORT, [IPv6]:PORT or :PORT'),
    telemetryPath: parsed('telemetryPath', parsePath, 'a path that begins with /'),
    exporterMetrics: !parsed('noExporterMetrics', parseSwitch, 'true or false'),
    logLevel: parsed('logLevel', (text) => oneOf(LOG_LEVELS, text), LOG_LEVELS.join(', ')),
    logFormat: parsed('logFormat', (text) => oneOf(LOG_FORMATS, text), LOG_FORMATS.join(', ')),
  });
}

const DURATION_UNITS_MS: readonly (readonly [string, number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
];

/** A duration as Prometheus writes it: units from large to small, each once. Milliseconds. */
export function parseDuration(text: string): number | undefined {
  const match =
    /^(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?(?:(\d{1,6})ms)?$/.exec(text);
  if (match === null || text === '') return undefined;
  const ms = DURATION_UNITS_MS.reduce(
    (sum, [, unit], i) => sum + Number(match[i + 1] ?? 0) * unit,
    0,
  );
  return ms > 0 && ms < 2 ** 31 ? ms : undefined; // a Node timer holds no more
}

const SIZE_UNITS: Readonly<Record<string, number>> = {
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

/** A size in MiB or GiB, in bytes; at least 16 MiB, for a thread needs that much to start. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d{1,6})(MiB|GiB)$/.exec(text);
  const bytes = Number(match?.[1]) * (SIZE_UNITS[match?.[2] ?? ''] ?? NaN);
  return bytes >= 16 * 2 ** 20 ? bytes : undefined;
}

export function parseListenAddress(text: string): ListenAddress | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) return undefined;
  return { host: match[1] ?? (match[2] === '' ? undefined : match[2]), port };
}

function parsePath(text: string): string | undefined {
  return /^\/[\w./-]+$/.test(text) ? text : undefined;
}

function parseCount(text: string): number | undefined {
  const count = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  return count >= 1 && count <= 100_000 ? count : undefined;
}

function parsePattern(text: string): RegExp | undefined {
  try {
    // As an alternative to nothing it always matches, and shows its groups.
    const groups = new RegExp(`${text}|`).exec('')?.length ?? 0;
    return groups > 1 ? new RegExp(text) : undefined;
  } catch {
    return undefined;
  }
}

function parseSwitch(text: string): boolean | undefined {
  if (text === 'true' || text === '1') return true;
  return text === '' || text === 'false' || text === '0' ? false : undefined;
}

function oneOf<T extends string>(values: readonly T[], text: string): T | undefined {
  return values.find((value) => value === text);
}

function single(name: string, value: string, help: string, defaultValue: string): Flag {
  return { name, value, help, defaultValue, repeatable: false };
}

function many(name: string, value: string, help: string, defaultValue: string): Flag {
  return { name, value, help, defaultValue, repeatable: true };
}

function optional(name: string, value: string, help: string): Flag {
  return { name, value, help, defaultValue: undefined, repeatable: false };
}

function toggle(name: string, help: string): Flag {
  return { name, value: undefined, help, defaultValue: undefined, repeatable: false };
}
