// All settings of the program in one table: flag, help, default and parser of each. The command line, the
// environment, --help and the type Config derive from it.

import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { parseDatabaseUrl } from './database-url.ts';
import { parseDuration } from './duration.ts';
import { dumpDirectory, isInBucket } from './file-path.ts';
import { BadValue, type Flag, type Reading, many, one, oneOf, optional, toggle } from './flag.ts';
import { MIN_WORKER_BYTES, parseSize } from './size.ts';
import { parseExternalUrl, parsePrefix } from './external-url.ts';
import { defaultNodeName, parseNodeName } from './node-name.ts';
import { parseListenAddress } from './listen-address.ts';
import { parseShard } from './shard.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export const LOG_FORMATS = ['logfmt', 'json'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];
const MODES = ['node', 'central'] as const;

/** The settings, each under its key in FLAGS. Durations are in milliseconds, sizes in bytes. */
export type Config = {
  readonly [Key in FlagKey]: ReturnType<(typeof FLAGS)[Key]['read']>;
};
export type FlagKey = keyof typeof FLAGS;

/** An invalid setting. The message names the flag or the environment variable. */
export class ConfigError extends Error {}

const A_DIRECTORY = { parse: parsePath, want: 'a directory' };
const A_DURATION = { parse: parseDuration, want: 'a duration such as 2s, 5m or 1h30m' };
const MAX_HOSTS = 1_000_000;
const MAX_WORKERS = 64;

export const FLAGS = {
  directories: many(
    'kdump.path',
    'DIRECTORY',
    'Directory that kdump writes to; in central mode also s3://BUCKET/PREFIX.',
    {
      defaultText: '/var/crash',
      atLeastOne: true,
      parse: dumpDirectory,
      want: 'a directory, or s3://BUCKET/PREFIX',
    },
  ),
  excluded: many('kdump.exclude', 'GLOB', 'Glob of paths to ignore.', {
    defaultText: '**/kdump-test-*/**',
    parse: (text) => text,
    want: 'a glob',
  }),
  pstorePaths: one(
    'pstore.path',
    'DIRECTORY,...',
    'Where the kernel keeps the log of a panic that leaves no dump, if it is there; empty: do not look.',
    {
      defaultText: '/sys/fs/pstore,/var/lib/systemd/pstore',
      parse: (text) => text.split(',').flatMap((path) => parsePath(path) ?? []),
      want: 'directories',
    },
  ),
  settleMs: one('kdump.settle', 'DURATION', 'Decode a dump once unchanged for this long.', {
    defaultText: '2s',
    ...A_DURATION,
  }),
  incompleteAfterMs: one(
    'kdump.incomplete-after',
    'DURATION',
    'Decode a file named *-incomplete once unchanged for this long.',
    { defaultText: '5m', ...A_DURATION },
  ),
  rescanMs: one('kdump.rescan', 'DURATION', 'Longest time between two scans.', {
    defaultText: '60s',
    ...A_DURATION,
  }),
  symbolPaths: many(
    'symbols.path',
    'DIRECTORY',
    'Where System.map-* and vmlinux files are, for kernels without CONFIG_KALLSYMS_ALL.',
    A_DIRECTORY,
  ),
  decodeTimeoutMs: one('decode.timeout', 'DURATION', 'Time limit for one dump.', {
    defaultText: '60s',
    ...A_DURATION,
  }),
  decodeMaxMemoryBytes: one(
    'decode.max-memory',
    'SIZE',
    'Memory that decodes may take, 32MiB each or more.',
    {
      defaultText: '256MiB',
      parse: parseSize,
      want: 'a size of 32MiB or more, such as 256MiB or 1GiB',
    },
  ),
  decodeWorkers: optional(
    'decode.workers',
    'COUNT',
    'Decodes at a time, which share --decode.max-memory; by default 1, in central mode 2.',
    countTo(MAX_WORKERS),
  ),
  mode: oneOf('mode', "node: this host's dumps; central: dumps of many hosts.", MODES, 'node'),
  nodeName: one('node.name', 'HOST', 'Name of this host, for dumps that do not name theirs.', {
    defaultText: defaultNodeName(hostname()),
    parse: parseNodeName,
    want: 'a host name',
  }),
  maxHosts: one('central.max-hosts', 'COUNT', 'Maximum number of hosts with their own metrics.', {
    defaultText: '1000',
    ...countTo(MAX_HOSTS),
  }),
  hostPattern: optional(
    'central.host-pattern',
    'REGEX',
    'Regular expression for the path of a dump; its first group is the host.',
    { parse: parsePattern, want: 'a regular expression with a group' },
  ),
  shard: optional(
    'central.shard',
    'I/N',
    'Count only the hosts that fall to this of N collectors, I from 0; each has a --ledger.path of its own.',
    { parse: parseShard, want: 'I/N, with I from 0 to N-1 and N at most 1000' },
  ),
  suspectWindowMs: one(
    'hwerr.suspect-window',
    'DURATION',
    'An error at most this long before the panic marks the crash as suspect.',
    { defaultText: '5m', ...A_DURATION },
  ),
  liveKcore: toggle(
    'live.kcore',
    "Also show the running kernel's counters, from /proc/kcore; needs CAP_SYS_RAWIO and no kernel lockdown.",
  ),
  liveIntervalMs: one(
    'live.interval',
    'DURATION',
    "How often to read the running kernel's counters.",
    {
      defaultText: '60s',
      ...A_DURATION,
    },
  ),
  ledgerPath: one('ledger.path', 'DIRECTORY', 'Directory of the ledger (persistent state).', {
    defaultText: '/var/lib/hwerr-exporter',
    ...A_DIRECTORY,
  }),
  ledgerUrl: optional(
    'ledger.url',
    'URL',
    'PostgreSQL database of a ledger that several collectors share, in central mode; instead of --ledger.path.',
    {
      parse: parseDatabaseUrl,
      want: 'postgres://[USER@]HOST[:PORT]/DATABASE',
      isSecret: true,
    },
  ),
  listen: many('web.listen-address', '[HOST]:PORT', 'Where to serve HTTP.', {
    defaultText: ':10048',
    atLeastOne: true,
    parse: parseListenAddress,
    want: 'HOST:PORT, [IPv6]:PORT or :PORT',
  }),
  systemdSocket: toggle(
    'web.systemd-socket',
    'Serve on the sockets that systemd passes, instead of --web.listen-address.',
  ),
  webConfigFile: optional(
    'web.config.file',
    'FILE',
    "TLS, users, headers and rate limit, as Prometheus' exporter-toolkit has them; re-read when it changes.",
    { parse: parsePath, want: 'a file' },
  ),
  externalUrl: optional(
    'web.external-url',
    'URL',
    'URL of the exporter for its users, if behind a reverse proxy; used in links and /sd.',
    { parse: parseExternalUrl, want: 'a URL such as https://example.com/hwerr/' },
  ),
  routePrefix: optional(
    'web.route-prefix',
    'PATH',
    'Prefix of all URL paths; default: the path of --web.external-url.',
    { parse: parsePrefix, want: 'a path that begins with /' },
  ),
  telemetryPath: one('web.telemetry-path', 'PATH', 'Where to serve metrics.', {
    defaultText: '/metrics',
    parse: parseTelemetryPath,
    want: 'a path that begins with / and is free',
  }),
  disableExporterMetrics: toggle(
    'web.disable-exporter-metrics',
    'Leave out metrics about the exporter itself (process_*, nodejs_*).',
  ),
  enableNodejsMetrics: toggle(
    'web.enable-nodejs-metrics',
    'Add all nodejs_* metrics, about the heap, garbage collection and the event loop.',
  ),
  logLevel: oneOf('log.level', 'Minimum level to log.', LOG_LEVELS, 'info'),
  logFormat: oneOf('log.format', 'Format of the log.', LOG_FORMATS, 'logfmt'),
};

export const FLAG_KEYS = Object.keys(FLAGS) as readonly FlagKey[];

/** Settings that only the HTTP server uses. */
const WEB_KEYS = [
  'listen',
  'systemdSocket',
  'webConfigFile',
  'externalUrl',
  'routePrefix',
  'telemetryPath',
  'disableExporterMetrics',
  'enableNodejsMetrics',
] as const satisfies readonly FlagKey[];
type WebKey = (typeof WEB_KEYS)[number];

/** Settings of a single pass over the directories, without a server. */
export type PassConfig = Omit<Config, WebKey>;
export const PASS_KEYS = FLAG_KEYS.filter(
  (key): key is Exclude<FlagKey, WebKey> => !(WEB_KEYS as readonly FlagKey[]).includes(key),
);

/** The texts given for each flag on the command line, in order. */
export type FlagValues = Readonly<Partial<Record<FlagKey, readonly string[]>>>;

type Environment = Readonly<Record<string, string | undefined>>;

/** Returns the environment variable of a flag: HWERR_KDUMP_PATH for `kdump.path`. */
export function environmentName({ name }: Flag): string {
  return `HWERR_${name.toUpperCase().replace(/[.-]/g, '_')}`;
}

/** Returns HWERR_ variables that belong to no flag, to warn of mistyped ones. */
export function unknownVariables(environment: Environment): string[] {
  const known = new Set(Object.values(FLAGS).map(environmentName));
  return Object.keys(environment).filter((name) => name.startsWith('HWERR_') && !known.has(name));
}

/**
 * Returns the settings of the given keys. Each comes from the command line, else from the environment (where
 * commas separate the values of a repeatable flag), else from the default. Other settings are not read, so
 * they cannot cause an error.
 *
 * @throws ConfigError naming the flag or variable, and what was wanted.
 */
export function readConfig<Key extends FlagKey>(
  keys: readonly Key[],
  given: FlagValues,
  environment: Environment,
): Pick<Config, Key> {
  const settings = keys.map((key) => [key, readFlag(FLAGS[key], given[key], environment)]);
  const config = Object.freeze(Object.fromEntries(settings)) as Partial<Config>;
  if (config.liveKcore === true && config.mode === 'central') {
    throw new ConfigError(`--${FLAGS.liveKcore.name}: got --mode=central, want --mode=node`);
  }
  const { decodeWorkers = 1, decodeMaxMemoryBytes = Infinity } = config;
  const max = Math.floor(decodeMaxMemoryBytes / MIN_WORKER_BYTES);
  if (decodeWorkers > max) {
    const want = `at most ${max} in that --${FLAGS.decodeMaxMemoryBytes.name}`;
    throw new ConfigError(`--${FLAGS.decodeWorkers.name}: got ${decodeWorkers}, want ${want}`);
  }
  if (config.ledgerUrl !== undefined && config.mode === 'node') {
    throw new ConfigError(`--${FLAGS.ledgerUrl.name}: got --mode=node, want --mode=central`);
  }
  if (config.shard !== undefined && config.mode === 'node') {
    throw new ConfigError(`--${FLAGS.shard.name}: got --mode=node, want --mode=central`);
  }
  if (config.shard !== undefined && config.ledgerUrl !== undefined) {
    const want = `--${FLAGS.ledgerPath.name}`;
    throw new ConfigError(`--${FLAGS.shard.name}: got --${FLAGS.ledgerUrl.name}, want ${want}`);
  }
  const bucket = config.directories?.find(isInBucket);
  if (bucket !== undefined && config.mode === 'node') {
    throw new ConfigError(`--${FLAGS.directories.name}: got ${bucket}, which wants --mode=central`);
  }
  return config as Pick<Config, Key>;
}

/**
 * Returns the number of parallel decodes: as configured; else 2 in central mode if the memory suffices, 1
 * otherwise.
 */
export function decodeWorkers(
  config: Pick<Config, 'decodeWorkers' | 'decodeMaxMemoryBytes' | 'mode'>,
): number {
  const { decodeWorkers: configured, decodeMaxMemoryBytes, mode } = config;
  return configured ?? (mode === 'central' && decodeMaxMemoryBytes >= 2 * MIN_WORKER_BYTES ? 2 : 1);
}

function readFlag(
  flag: Flag,
  given: readonly string[] | undefined,
  environment: Environment,
): unknown {
  const variable = environmentName(flag);
  const text = environment[variable];
  const isVariable = given === undefined && text !== undefined;
  const texts = isVariable
    ? flag.repeatable
      ? text.split(',').filter((piece) => piece !== '')
      : [text]
    : (given ?? (flag.defaultText === undefined ? [] : [flag.defaultText]));
  try {
    return flag.read(texts);
  } catch (error) {
    if (!(error instanceof BadValue)) throw error;
    throw new ConfigError(`${isVariable ? variable : `--${flag.name}`}: ${error.message}`);
  }
}

/** Returns an absolute path; undefined for an empty text. */
function parsePath(text: string): string | undefined {
  return text === '' ? undefined : resolve(text);
}

/** Paths of other endpoints. */
const TAKEN = /^\/(probe|sd|icon\.svg|crashes(\.csv)?|signatures|(-|api|crash)(\/.*)?)\/?$/i;

function parseTelemetryPath(text: string): string | undefined {
  return /^\/[\w-][\w./-]*$/.test(text) && !TAKEN.test(text) ? text : undefined;
}

function countTo(max: number): Reading<number> {
  const parse = (text: string): number | undefined => {
    const count = /^\d{1,7}$/.test(text) ? Number(text) : 0;
    return count >= 1 && count <= max ? count : undefined;
  };
  return { parse, want: `a number from 1 to ${max}` };
}

function parsePattern(text: string): RegExp | undefined {
  try {
    // With an empty alternative the pattern always matches, and the match shows the number of groups.
    const groups = new RegExp(`${text}|`).exec('')?.length ?? 0;
    return groups > 1 ? new RegExp(text) : undefined;
  } catch {
    return undefined;
  }
}
