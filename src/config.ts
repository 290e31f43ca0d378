// Every setting of the daemon: its flag, what it means, its default, how it is read. One table; the
// command line, the environment and --help are all made from it.

import { hostname } from 'node:os';
import { resolve } from 'node:path';

export interface Config {
  /** Dump directories, absolute. */
  readonly directories: readonly string[];
  /** Globs over paths below them. */
  readonly excluded: readonly string[];
  readonly settleMs: number;
  readonly rescanMs: number;
  /** Directories with symbol files, absolute. */
  readonly symbolPaths: readonly string[];
  readonly decodeTimeoutMs: number;
  readonly decodeMaxMemoryBytes: number;
  /** One dump directory of this host, or the dumps of many. */
  readonly mode: Mode;
  /** The host of dumps that do not name theirs. */
  readonly nodeName: string;
  /** Hosts that get metrics of their own. */
  readonly maxHosts: number;
  /** Its first group is the host, where it matches a dump's path. */
  readonly hostPattern: RegExp | undefined;
  /** How long before a panic an error is suspect. */
  readonly suspectWindowMs: number;
  /** Read what the running kernel has counted, through /proc/kcore. */
  readonly liveKcore: boolean;
  /** Between two readings of this boot. */
  readonly liveIntervalMs: number;
  /** Directory of the ledger, absolute. */
  readonly ledgerPath: string;
  readonly listen: readonly ListenAddress[];
  /** Use the sockets that systemd passed instead. */
  readonly systemdSocket: boolean;
  /** Absolute; undefined: plain HTTP for everybody. */
  readonly webConfigFile: string | undefined;
  /** Where users and Prometheus reach the exporter through a proxy; undefined: directly. */
  readonly externalUrl: URL | undefined;
  /** In front of every path, as `/prefix`; empty: nothing. */
  readonly routePrefix: string;
  readonly telemetryPath: string;
  /** Whether to expose process_* and a few nodejs_*. */
  readonly exporterMetrics: boolean;
  /** Whether to expose every nodejs_* as well. */
  readonly nodejsMetrics: boolean;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export const LOG_FORMATS = ['logfmt', 'json'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

const MODES = ['node', 'central'] as const;
type Mode = (typeof MODES)[number];

interface ListenAddress {
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
  | 'symbols'
  | 'timeout'
  | 'maxMemory'
  | 'mode'
  | 'nodeName'
  | 'maxHosts'
  | 'hostPattern'
  | 'suspectWindow'
  | 'liveKcore'
  | 'liveInterval'
  | 'ledgerPath'
  | 'listen'
  | 'systemdSocket'
  | 'webConfigFile'
  | 'externalUrl'
  | 'routePrefix'
  | 'telemetryPath'
  | 'noExporterMetrics'
  | 'nodejsMetrics'
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
  symbols: many(
    'symbols.path',
    'DIRECTORY',
    'Where System.map-* and vmlinux files are, for kernels without CONFIG_KALLSYMS_ALL.',
    undefined,
  ),
  timeout: single('decode.timeout', 'DURATION', 'Longest time for one dump.', '5m'),
  maxMemory: single('decode.max-memory', 'SIZE', 'Memory that a decode may take.', '256MiB'),
  mode: single('mode', MODES.join('|'), 'Whose crashes: of this host, or of many.', 'node'),
  nodeName: single(
    'node.name',
    'HOST',
    'Name of this host, for dumps that do not say.',
    hostname(),
  ),
  maxHosts: single('central.max-hosts', 'COUNT', 'Hosts that get metrics of their own.', '1000'),
  hostPattern: optional(
    'central.host-pattern',
    'REGEX',
    "Takes the host from a dump's path instead: its first group, where it matches.",
  ),
  suspectWindow: single(
    'hwerr.suspect-window',
    'DURATION',
    'An error that long before a panic is suspect.',
    '5m',
  ),
  liveKcore: toggle(
    'live.kcore',
    'Show what this boot has counted so far, through /proc/kcore: needs CAP_SYS_RAWIO and no lockdown.',
  ),
  liveInterval: single('live.interval', 'DURATION', 'Time between two looks at this boot.', '60s'),
  ledgerPath: single(
    'ledger.path',
    'DIRECTORY',
    'Where to keep what was learned.',
    '/var/lib/hwerr-exporter',
  ),
  listen: many('web.listen-address', '[HOST]:PORT', 'Where to serve HTTP.', ':10048'),
  systemdSocket: toggle(
    'web.systemd-socket',
    'Serve on the sockets that systemd passes, instead of --web.listen-address.',
  ),
  webConfigFile: optional(
    'web.config.file',
    'FILE',
    "TLS, users, headers and rate limit, as Prometheus' exporter-toolkit has them; re-read when it changes.",
  ),
  externalUrl: optional(
    'web.external-url',
    'URL',
    'Where the exporter is reached from outside, if through a proxy: links and /sd lead there.',
  ),
  routePrefix: optional(
    'web.route-prefix',
    'PATH',
    'Prefix of all paths that are served; by default the path of --web.external-url.',
  ),
  telemetryPath: single('web.telemetry-path', 'PATH', 'Where to serve metrics.', '/metrics'),
  noExporterMetrics: toggle(
    'web.disable-exporter-metrics',
    'Leave out metrics about the exporter itself (process_*, nodejs_*).',
  ),
  nodejsMetrics: toggle(
    'web.enable-nodejs-metrics',
    'Add all nodejs_* metrics, about the heap, garbage collection and the event loop.',
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
  const valueOf = <T>(key: FlagKey, text: string, { parse, want }: Reading<T>): T => {
    const value = parse(text);
    if (value !== undefined) return value;
    throw new ConfigError(`--${FLAGS[key].name}: got ${JSON.stringify(text)}, want ${want}`);
  };
  const parsed = <T>(key: FlagKey, parse: (text: string) => T | undefined, want: string): T =>
    valueOf(key, texts(key).at(-1) ?? '', { parse, want });
  const each = <T>(key: FlagKey, parse: (text: string) => T | undefined, want: string): T[] =>
    atLeastOne(texts(key)).map((text) => valueOf(key, text, { parse, want }));
  const duration = (key: FlagKey): number =>
    parsed(key, parseDuration, 'a duration such as 2s, 5m or 1h30m');
  const mode = parsed('mode', (text) => oneOf(MODES, text), MODES.join(' or '));
  const optionally = <T>(
    key: FlagKey,
    parse: (text: string) => T | undefined,
    want: string,
  ): T | undefined => (texts(key).at(-1) ? parsed(key, parse, want) : undefined);
  const externalUrl = optionally('externalUrl', parseExternalUrl, 'a URL such as https://a.b/c/');
  const liveKcore = parsed('liveKcore', parseSwitch, 'true or false');
  requireNodeMode(mode, liveKcore);
  return Object.freeze({
    directories: directories(texts('directories')),
    excluded: texts('excluded'),
    settleMs: duration('settle'),
    rescanMs: duration('rescan'),
    symbolPaths: texts('symbols').map((path) => resolve(path)),
    decodeTimeoutMs: duration('timeout'),
    decodeMaxMemoryBytes: parsed('maxMemory', parseSize, 'a size such as 256MiB or 1GiB'),
    mode,
    nodeName: parsed('nodeName', parseHostName, 'a host name'),
    maxHosts: parsed('maxHosts', parseCount, `a number from 1 to ${MOST_HOSTS}`),
    hostPattern: optionally('hostPattern', parsePattern, 'a regular expression with a group'),
    suspectWindowMs: duration('suspectWindow'),
    liveKcore,
    liveIntervalMs: duration('liveInterval'),
    ledgerPath: resolve(parsed('ledgerPath', (text) => text || undefined, 'a directory')),
    listen: each('listen', parseListenAddress, 'HOST:PORT, [IPv6]:PORT or :PORT'),
    systemdSocket: parsed('systemdSocket', parseSwitch, 'true or false'),
    webConfigFile: optionally('webConfigFile', (path) => resolve(path), 'a file'),
    externalUrl,
    routePrefix:
      optionally('routePrefix', parsePrefix, 'a path that begins with /') ??
      externalUrl?.pathname.replace(/\/+$/, '') ??
      '',
    telemetryPath: parsed('telemetryPath', parsePath, 'a path that begins with / and is free'),
    exporterMetrics: !parsed('noExporterMetrics', parseSwitch, 'true or false'),
    nodejsMetrics: parsed('nodejsMetrics', parseSwitch, 'true or false'),
    logLevel: parsed('logLevel', (text) => oneOf(LOG_LEVELS, text), LOG_LEVELS.join(', ')),
    logFormat: parsed('logFormat', (text) => oneOf(LOG_FORMATS, text), LOG_FORMATS.join(', ')),
  });
}

function requireNodeMode(mode: Mode, liveKcore: boolean): void {
  if (!liveKcore || mode === 'node') return;
  throw new ConfigError(`--${FLAGS.liveKcore.name}: got --mode=central, want --mode=node`);
}

/** An empty list is as wrong as an empty text. */
function atLeastOne(values: readonly string[]): readonly string[] {
  return values.length > 0 ? values : [''];
}

function directories(paths: readonly string[]): string[] {
  if (paths.length > 0 && paths.every((path) => path !== '')) {
    return paths.map((path) => resolve(path));
  }
  throw new ConfigError(`--${FLAGS.directories.name}: got an empty path, want a directory`);
}

interface Reading<T> {
  readonly parse: (text: string) => T | undefined;
  /** What is wanted, in words. */
  readonly want: string;
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
  const match = /^(?:\[([0-9a-fA-F:.]+(?:%[\w.-]+)?)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) return undefined;
  return { host: match[1] ?? (match[2] === '' ? undefined : match[2]), port };
}

/** Paths that answer something else. */
const TAKEN = /^\/(probe|sd|icon\.svg|-(\/.*)?|api(\/.*)?)\/?$/i;

function parsePath(text: string): string | undefined {
  return /^\/[\w-][\w./-]*$/.test(text) && !TAKEN.test(text) ? text : undefined;
}

/** Without the slash at its end. */
function parsePrefix(text: string): string | undefined {
  const prefix = text.replace(/\/+$/, '');
  return text !== '' && /^(\/[\w.~-]+)*$/.test(prefix) ? prefix : undefined;
}

function parseExternalUrl(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) return undefined;
  const isPlain = url.username + url.password + url.search + url.hash === '';
  return isPlain && parsePrefix(url.pathname) !== undefined ? url : undefined;
}

function parseHostName(text: string): string | undefined {
  return /^[\w.:-]{1,64}$/.test(text) ? text : undefined;
}

const MOST_HOSTS = 100_000;

function parseCount(text: string): number | undefined {
  const count = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  return count >= 1 && count <= MOST_HOSTS ? count : undefined;
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

function optional(name: string, value: string, help: string): Flag {
  return { name, value, help, defaultValue: undefined, repeatable: false };
}

function many(name: string, value: string, help: string, defaultValue: string | undefined): Flag {
  return { name, value, help, defaultValue, repeatable: true };
}

function toggle(name: string, help: string): Flag {
  return { name, value: undefined, help, defaultValue: undefined, repeatable: false };
}
