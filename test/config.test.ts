import { hostname } from 'node:os';

import { describe, expect, it } from 'vitest';

import {
  type Config,
  ConfigError,
  FLAGS,
  FLAG_KEYS,
  type FlagKey,
  type FlagValues,
  PASS_KEYS,
  decodeWorkers,
  environmentName,
  readConfig,
  unknownVariables,
} from '../src/config.ts';
import { parseListenAddress } from '../src/listen-address.ts';
import { parseDuration } from '../src/duration.ts';
import { parseSize } from '../src/size.ts';
import { defaultNodeName } from '../src/node-name.ts';

const DEFAULTS: Config = {
  directories: ['/var/crash'],
  excluded: ['**/kdump-test-*/**'],
  pstorePaths: ['/sys/fs/pstore', '/var/lib/systemd/pstore'],
  settleMs: 2000,
  incompleteAfterMs: 300_000,
  rescanMs: 60_000,
  symbolPaths: [],
  decodeTimeoutMs: 60_000,
  decodeMaxMemoryBytes: 256 * 2 ** 20,
  decodeWorkers: undefined,
  mode: 'node',
  nodeName: defaultNodeName(hostname()),
  maxHosts: 1000,
  hostPattern: undefined,
  shard: undefined,
  suspectWindowMs: 300_000,
  liveKcore: false,
  liveIntervalMs: 60_000,
  ledgerPath: '/var/lib/hwerr-exporter',
  ledgerUrl: undefined,
  listen: [{ host: undefined, port: 10_048 }],
  systemdSocket: false,
  webConfigFile: undefined,
  telemetryPath: '/metrics',
  externalUrl: undefined,
  routePrefix: undefined,
  disableExporterMetrics: false,
  enableNodejsMetrics: false,
  logLevel: 'info',
  logFormat: 'logfmt',
};

/** For every flag: its name and variable, a value, what that makes of the settings, a bad value. */
const CASES: Readonly<
  Record<FlagKey, readonly [string, string, string, Partial<Config>, string | undefined]>
> = {
  directories: ['kdump.path', 'HWERR_KDUMP_PATH', '/a', { directories: ['/a'] }, ''],
  excluded: ['kdump.exclude', 'HWERR_KDUMP_EXCLUDE', '**/x', { excluded: ['**/x'] }, undefined],
  pstorePaths: ['pstore.path', 'HWERR_PSTORE_PATH', '/p', { pstorePaths: ['/p'] }, undefined],
  settleMs: ['kdump.settle', 'HWERR_KDUMP_SETTLE', '500ms', { settleMs: 500 }, '2'],
  incompleteAfterMs: [
    'kdump.incomplete-after',
    'HWERR_KDUMP_INCOMPLETE_AFTER',
    '1m',
    { incompleteAfterMs: 60_000 },
    '2',
  ],
  rescanMs: ['kdump.rescan', 'HWERR_KDUMP_RESCAN', '1h30m', { rescanMs: 5_400_000 }, '-1s'],
  symbolPaths: ['symbols.path', 'HWERR_SYMBOLS_PATH', '/s', { symbolPaths: ['/s'] }, undefined],
  decodeTimeoutMs: [
    'decode.timeout',
    'HWERR_DECODE_TIMEOUT',
    '10s',
    { decodeTimeoutMs: 10_000 },
    'never',
  ],
  decodeMaxMemoryBytes: [
    'decode.max-memory',
    'HWERR_DECODE_MAX_MEMORY',
    '1GiB',
    { decodeMaxMemoryBytes: 2 ** 30 },
    '256MB',
  ],
  decodeWorkers: ['decode.workers', 'HWERR_DECODE_WORKERS', '4', { decodeWorkers: 4 }, '0'],
  mode: ['mode', 'HWERR_MODE', 'central', { mode: 'central' }, 'cluster'],
  nodeName: ['node.name', 'HWERR_NODE_NAME', 'db-07.example', { nodeName: 'db-07.example' }, 'a b'],
  maxHosts: ['central.max-hosts', 'HWERR_CENTRAL_MAX_HOSTS', '20', { maxHosts: 20 }, '0'],
  hostPattern: [
    'central.host-pattern',
    'HWERR_CENTRAL_HOST_PATTERN',
    '/crash/([^/]+)/',
    { hostPattern: /\/crash\/([^/]+)\// },
    '[^/]+',
  ],
  shard: ['central.shard', 'HWERR_CENTRAL_SHARD', '1/3', { shard: { index: 1, count: 3 } }, '3/3'],
  liveKcore: ['live.kcore', 'HWERR_LIVE_KCORE', 'true', { liveKcore: true }, 'perhaps'],
  liveIntervalMs: ['live.interval', 'HWERR_LIVE_INTERVAL', '10s', { liveIntervalMs: 10_000 }, '0s'],
  ledgerPath: ['ledger.path', 'HWERR_LEDGER_PATH', '/l', { ledgerPath: '/l' }, ''],
  ledgerUrl: [
    'ledger.url',
    'HWERR_LEDGER_URL',
    'postgresql://db/hwerr',
    { ledgerUrl: 'postgresql://db/hwerr' },
    'mysql://db/hwerr',
  ],
  suspectWindowMs: [
    'hwerr.suspect-window',
    'HWERR_HWERR_SUSPECT_WINDOW',
    '90s',
    { suspectWindowMs: 90_000 },
    '5',
  ],
  listen: [
    'web.listen-address',
    'HWERR_WEB_LISTEN_ADDRESS',
    '127.0.0.1:80',
    { listen: [{ host: '127.0.0.1', port: 80 }] },
    '10048',
  ],
  systemdSocket: [
    'web.systemd-socket',
    'HWERR_WEB_SYSTEMD_SOCKET',
    'true',
    { systemdSocket: true },
    'perhaps',
  ],
  webConfigFile: [
    'web.config.file',
    'HWERR_WEB_CONFIG_FILE',
    '/w.yml',
    { webConfigFile: '/w.yml' },
    undefined,
  ],
  telemetryPath: [
    'web.telemetry-path',
    'HWERR_WEB_TELEMETRY_PATH',
    '/m',
    { telemetryPath: '/m' },
    'metrics',
  ],
  disableExporterMetrics: [
    'web.disable-exporter-metrics',
    'HWERR_WEB_DISABLE_EXPORTER_METRICS',
    'true',
    { disableExporterMetrics: true },
    'perhaps',
  ],
  externalUrl: [
    'web.external-url',
    'HWERR_WEB_EXTERNAL_URL',
    'https://example.com/hwerr/',
    { externalUrl: new URL('https://example.com/hwerr/') },
    'example.com',
  ],
  routePrefix: [
    'web.route-prefix',
    'HWERR_WEB_ROUTE_PREFIX',
    '/hwerr/',
    { routePrefix: '/hwerr' },
    'hwerr',
  ],
  enableNodejsMetrics: [
    'web.enable-nodejs-metrics',
    'HWERR_WEB_ENABLE_NODEJS_METRICS',
    'true',
    { enableNodejsMetrics: true },
    'perhaps',
  ],
  logLevel: ['log.level', 'HWERR_LOG_LEVEL', 'debug', { logLevel: 'debug' }, 'trace'],
  logFormat: ['log.format', 'HWERR_LOG_FORMAT', 'json', { logFormat: 'json' }, 'xml'],
};

const keys = FLAG_KEYS;

/** Every setting. */
function configOf(given: FlagValues, environment: Record<string, string | undefined>): Config {
  return readConfig(FLAG_KEYS, given, environment);
}

describe('readConfig', () => {
  it('reads no live counters in central mode: they would be of another host', () => {
    const given = { mode: ['central'], liveKcore: ['true'] };
    expect(() => configOf(given, {})).toThrow('--live.kcore: got --mode=central');
  });

  it('says how little memory is too little for a decode', () => {
    expect(() => configOf({ decodeMaxMemoryBytes: ['31MiB'] }, {})).toThrow(
      '--decode.max-memory: got "31MiB", want a size of 32MiB or more, such as 256MiB or 1GiB',
    );
  });

  it('starts no more workers than their memory lets start', () => {
    const given = { decodeMaxMemoryBytes: ['128MiB'], decodeWorkers: ['4'] };
    expect(configOf(given, {}).decodeWorkers).toBe(4);
    expect(() => configOf({ ...given, decodeWorkers: ['5'] }, {})).toThrow(
      '--decode.workers: got 5, want at most 4 in that --decode.max-memory',
    );
  });

  it('is what the documentation says when nothing is given', () => {
    expect(configOf({}, {})).toEqual(DEFAULTS);
  });

  it('cannot be changed by whoever gets it', () => {
    expect(Object.isFrozen(configOf({}, {}))).toBe(true);
  });

  describe.each(keys.map((key) => [FLAGS[key].name, key] as const))('--%s', (name, key) => {
    const [flagName, variable, value, settings] = CASES[key];
    const isCentral = key === 'ledgerUrl' || key === 'shard';
    const mode: FlagValues = isCentral ? { mode: ['central'] } : {};
    const defaults: Config = isCentral ? { ...DEFAULTS, mode: 'central' } : DEFAULTS;

    it('has that name, and that of its variable', () => {
      expect([name, environmentName(FLAGS[key])]).toEqual([flagName, variable]);
    });

    it('sets what it is for and nothing else', () => {
      expect(configOf({ ...mode, [key]: [value] }, {})).toEqual({ ...defaults, ...settings });
    });

    it('is set by its variable too', () => {
      expect(configOf(mode, { [variable]: value })).toEqual({ ...defaults, ...settings });
    });

    it('goes before its variable', () => {
      const isSwitch = FLAGS[key].placeholder === undefined;
      const ifNone = FLAGS[key].repeatable ? '/other' : '';
      const other = FLAGS[key].defaultText ?? (isSwitch ? 'false' : ifNone);
      expect(configOf({ ...mode, [key]: [value] }, { [variable]: other })).toEqual({
        ...defaults,
        ...settings,
      });
      const overridden = configOf({ ...mode, [key]: [other] }, { [variable]: value });
      if (FLAGS[key].defaultText === undefined && FLAGS[key].repeatable) {
        expect(overridden).not.toEqual({ ...defaults, ...settings });
      } else {
        expect(overridden).toEqual(defaults);
      }
    });
  });

  it.each(keys.filter((key) => CASES[key][4] !== undefined))(
    'names the flag of a bad value, or the variable where that was at fault: %s',
    (key) => {
      const [name, variable, , , bad] = CASES[key];
      for (const [source, read] of [
        [`--${name}`, () => configOf({ [key]: [bad!] }, {})],
        [variable, () => configOf({}, { [variable]: bad })],
      ] as const) {
        expect(read).toThrow(ConfigError);
        expect(read).toThrow(`${source}: got `);
        expect(read).toThrow(', want ');
      }
    },
  );

  it('takes every value of a repeatable flag, and the last one of another', () => {
    expect(configOf({ directories: ['/a', '/b,c'] }, {}).directories).toEqual(['/a', '/b,c']);
    expect(configOf({ settleMs: ['1s', '5s'] }, {}).settleMs).toBe(5000);
  });

  it('separates the values of a repeatable variable at commas', () => {
    expect(configOf({}, { HWERR_KDUMP_PATH: '/a,/b,' }).directories).toEqual(['/a', '/b']);
    expect(configOf({}, { HWERR_KDUMP_EXCLUDE: '' }).excluded).toEqual([]);
  });

  it('listens on every address that is given, and on one at least', () => {
    const listen = [
      { host: undefined, port: 1 },
      { host: '::1', port: 2 },
    ];
    expect(configOf({ listen: [':1', '[::1]:2'] }, {}).listen).toEqual(listen);
    expect(configOf({}, { HWERR_WEB_LISTEN_ADDRESS: ':1,[::1]:2' }).listen).toEqual(listen);
    for (const nowhere of ['', ',']) {
      expect(() => configOf({}, { HWERR_WEB_LISTEN_ADDRESS: nowhere })).toThrow(
        'HWERR_WEB_LISTEN_ADDRESS: got "", want ',
      );
    }
  });

  it('makes the path of the web configuration absolute; an empty one is none', () => {
    const from = (path: string): unknown => configOf({ webConfigFile: [path] }, {}).webConfigFile;
    expect(from('web.yml')).toBe(`${process.cwd()}/web.yml`);
    expect(from('')).toBeUndefined();
  });

  it.each([
    '/probe',
    '/sd',
    '/api/v1',
    '/-/ready',
    '/icon.svg',
    '/crashes.csv',
    '/crash/x',
    '/signatures',
    '/PROBE/',
    '/',
    '/a:b',
    '/a*',
  ])('does not serve metrics at %s, which answers something else or is a pattern', (path) => {
    expect(() => configOf({ telemetryPath: [path] }, {})).toThrow('--web.telemetry-path: got ');
  });

  it('makes directories absolute, without doubled or trailing slashes', () => {
    expect(configOf({ directories: ['a//b/', '/c/../d/'] }, {}).directories).toEqual([
      `${process.cwd()}/a/b`,
      '/d',
    ]);
  });

  it.each(['1', 'true'])('takes %s in the environment for a switch that is on', (text) => {
    const config = configOf({}, { HWERR_WEB_DISABLE_EXPORTER_METRICS: text });
    expect(config.disableExporterMetrics).toBe(true);
  });

  it.each(['0', 'false', ''])('takes %j in the environment for a switch that is off', (text) => {
    const config = configOf({}, { HWERR_WEB_DISABLE_EXPORTER_METRICS: text });
    expect(config.disableExporterMetrics).toBe(false);
  });

  it('takes buckets as directories in central mode', () => {
    const directories = ['s3://bucket', 's3://bucket/a prefix/b/'];
    expect(configOf({ mode: ['central'], directories }, {}).directories).toEqual([
      's3://bucket',
      's3://bucket/a prefix/b',
    ]);
    expect(() => configOf({ directories }, {})).toThrow(
      '--kdump.path: got s3://bucket, which wants --mode=central',
    );
    for (const text of ['s3://', 's3:///a', 's3://bucket//a', 'https://host/a']) {
      expect(() => configOf({ mode: ['central'], directories: [text] }, {})).toThrow(
        '--kdump.path',
      );
    }
  });

  it('shares a ledger in central mode alone, and repeats no password', () => {
    const ledgerUrl = ['postgres://a:secret@db/hwerr'];
    expect(() => configOf({ ledgerUrl }, {})).toThrow('--ledger.url: got --mode=node, want ');
    const mistyped = (): unknown => configOf({}, { HWERR_LEDGER_URL: 'postgre://a:secret@db/h' });
    expect(mistyped).toThrow('HWERR_LEDGER_URL: got ');
    expect(mistyped).not.toThrow('secret');
  });

  it('is one of several in central mode alone, and not with a ledger that they share', () => {
    const shard = ['0/3'];
    expect(() => configOf({ shard }, {})).toThrow('--central.shard: got --mode=node, want ');
    const ledgerUrl = ['postgres://db/hwerr'];
    expect(() => configOf({ mode: ['central'], shard, ledgerUrl }, {})).toThrow(
      '--central.shard: got --ledger.url, want --ledger.path',
    );
  });

  it('reads what a command asks for and nothing else', () => {
    const environment = { HWERR_KDUMP_SETTLE: 'x', HWERR_LEDGER_PATH: '/l' };
    expect(readConfig(['ledgerPath'], {}, environment)).toEqual({ ledgerPath: '/l' });
    expect(() => readConfig(['settleMs'], {}, environment)).toThrow('HWERR_KDUMP_SETTLE: got "x"');
  });

  it('asks for no setting of the server for a single pass', () => {
    const left = FLAG_KEYS.filter((key) => !(PASS_KEYS as readonly FlagKey[]).includes(key));
    const ofServer = FLAG_KEYS.filter((key) => FLAGS[key].name.startsWith('web.'));
    expect(left).toEqual(ofServer);
  });

  it('ignores variables of others', () => {
    expect(configOf({}, { PATH: '/bin', KDUMP_PATH: '/x', HWERR_UNKNOWN: 'x' })).toEqual(DEFAULTS);
  });
});

describe('decodeWorkers', () => {
  it.each([
    [{}, 1],
    [{ mode: ['central'] }, 2],
    [{ mode: ['central'], decodeMaxMemoryBytes: ['32MiB'] }, 1],
    [{ mode: ['central'], decodeWorkers: ['1'] }, 1],
    [{ decodeWorkers: ['3'] }, 3],
  ] as const)('for %j is %i', (given, workers) => {
    expect(decodeWorkers(configOf(given, {}))).toBe(workers);
  });
});

describe('unknownVariables', () => {
  it('names those that begin as ours do and set nothing', () => {
    const environment = { PATH: '/bin', HWERR_KDUMP_PATH: '/a', HWERR_KDUMP_PAHT: '/b' };
    expect(unknownVariables(environment)).toEqual(['HWERR_KDUMP_PAHT']);
  });
});

describe('defaultNodeName', () => {
  it.each([
    ['db-07.example', 'db-07.example'],
    ['(none)', 'none'],
    ['küche', 'k-che'],
    ['Bobs MacBook', 'Bobs-MacBook'],
    ['db/07', 'db-07'],
    ['', 'localhost'],
    ['ü', 'localhost'],
    ['a'.repeat(65), 'a'.repeat(64)],
  ])('of a machine named %j is %s, which the flag takes', (name, expected) => {
    expect(defaultNodeName(name)).toBe(expected);
    expect(configOf({ nodeName: [expected] }, {}).nodeName).toBe(expected);
  });
});

describe('parseDuration', () => {
  it.each([
    ['1ms', 1],
    ['2s', 2000],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['1d', 86_400_000],
    ['1d2h3m4s5ms', 93_784_005],
    ['90s', 90_000],
    ['0h1s', 1000],
  ])('%s is %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['', '2', 's', '1.5s', '-1s', '0s', '30m1h', '1s1s', '1 s', '1S', '25d', '1s\n', ' 1s'])(
    '%j is none',
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
    },
  );
});

describe('parseSize', () => {
  it.each([
    ['32MiB', 2 ** 25],
    ['2GiB', 2 ** 31],
  ])('%s is %d bytes', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each(['', '31MiB', '0MiB', '256', '256MB', '256mib', '1.5GiB', '-1GiB', '256MiB '])(
    '%j is none',
    (text) => {
      expect(parseSize(text)).toBeUndefined();
    },
  );
});

describe('parseListenAddress', () => {
  it.each([
    [':10048', undefined, 10_048],
    ['localhost:0', 'localhost', 0],
    ['0.0.0.0:65535', '0.0.0.0', 65_535],
    ['[::1]:80', '::1', 80],
    ['[::ffff:127.0.0.1]:80', '::ffff:127.0.0.1', 80],
  ])('%s', (text, host, port) => {
    expect(parseListenAddress(text)).toEqual({ host, port });
  });

  it.each(['', '80', ':', 'host:', ':65536', ':-1', '::1:80', '[::1]', '[x]:80', 'a:b:80', ':80 '])(
    '%j is none',
    (text) => {
      expect(parseListenAddress(text)).toBeUndefined();
    },
  );
});
