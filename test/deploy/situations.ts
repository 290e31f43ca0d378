// What may happen to hosts, as Prometheus sees it, and which alerts must come of it. One scrape is five
// minutes. Times are minutes from the moment that a situation is about.

interface Situation {
  readonly name: string;
  readonly hosts: readonly Host[];
  readonly alerts: readonly ExpectedAlert[];
}

/** An alert that fires from a moment on, and is quiet from another on. */
interface ExpectedAlert {
  readonly alert: string;
  readonly from: number;
  readonly until: number;
  readonly instance?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

interface Host {
  readonly instance?: string;
  readonly job?: string;
  /** Its clock, less that of Prometheus, in minutes. */
  readonly clock?: number;
  readonly firstScrape?: number;
  readonly down?: readonly [number, number];
  /** No target any more from then on. */
  readonly gone?: number;
  /** Its first pass over the directories is not recorded: there are no samples of crashes. */
  readonly firstPass?: readonly [number, number];
  /** Answers, but without the metrics of the exporter: a textfile that was removed. */
  readonly silent?: number;
  readonly crashes?: readonly KnownCrash[];
  /** The suspect window in seconds is another from then on. */
  readonly window?: { readonly from: number; readonly seconds: number };
  readonly repaired?: number;
  /** When a file failed to decode, and when a later try succeeded. */
  readonly failure?: {
    readonly recorded: number;
    readonly host?: string;
    readonly recovered?: number;
  };
  /** When the running kernel counted an error. */
  readonly liveError?: number;
  /** It is a collector of a third of the hosts. */
  readonly shard?: number;
}

interface KnownCrash {
  readonly id: string;
  readonly recorded: number;
  /** By the clock of the host; left out: the dump does not say. */
  readonly happened?: number;
  /** A hardware error of this category came shortly before it. */
  readonly suspect?: string;
  /** Its panic is an error of this part. */
  readonly fatal?: string;
  /** Recorded a second time, into a ledger that is empty again. */
  readonly again?: number;
}

const MINUTE = 60;
const STEP = 5;
const HOUR = 60;
const DAY = 24 * HOUR;
/** Where the moment that a situation is about lies, and the end. */
const ORIGIN = 10 * HOUR;
const END = ORIGIN + 2 * DAY + 3 * HOUR;
/** Expectations are checked so often. */
const CHECK_EVERY = 15;

const PCI = { suspect: 'pci' };
const crashed = (
  from: number,
  crash = 'first',
  more: Partial<ExpectedAlert> = {},
): ExpectedAlert => ({
  ...{ alert: 'HwerrKernelCrashed', from, until: from + 6 * HOUR },
  ...more,
  labels: { crash },
});
const suspect = (
  from: number,
  crash = 'first',
  more: Partial<ExpectedAlert> = {},
): ExpectedAlert => ({
  ...crashed(from, crash, more),
  alert: 'HwerrHardwareErrorBeforeCrash',
  labels: { crash, category: 'pci' },
});
const fatal = (from: number, crash = 'first'): ExpectedAlert => ({
  ...crashed(from, crash),
  alert: 'HwerrFatalHardwareError',
  labels: { crash, category: 'memory', part: 'DIMM_A1' },
});
const COLLECTORS: readonly Host[] = [0, 1, 2].map((shard) => ({ instance: `c${shard}`, shard }));
const down = (from: number, until: number): ExpectedAlert => ({
  ...{ alert: 'HwerrExporterDown', from: from + 15, until },
});

/** The moment is that when a crash becomes known, unless the name says otherwise. */
export const SITUATIONS: readonly Situation[] = [
  {
    name: 'A host crashes after a hardware error, and is back after 20 minutes.',
    hosts: [{ down: [-20, 0], crashes: [{ id: 'first', recorded: 0, happened: -20, ...PCI }] }],
    alerts: [crashed(0), suspect(0)],
  },
  {
    name: 'A fatal memory error causes a panic, and another one 7 hours later.',
    hosts: [
      {
        crashes: [
          { id: 'first', recorded: 0, happened: -20, fatal: 'DIMM_A1' },
          { id: 'second', recorded: 7 * HOUR, happened: 7 * HOUR - 20, fatal: 'DIMM_A1' },
        ],
      },
    ],
    alerts: [
      ...[crashed(0), fatal(0), crashed(7 * HOUR, 'second'), fatal(7 * HOUR, 'second')],
      {
        alert: 'HwerrSamePartAgain',
        ...{ from: 7 * HOUR, until: 13 * HOUR, labels: { part: 'DIMM_A1' } },
      },
    ],
  },
  {
    name: 'A host stays down for 7 hours before its crash is recorded.',
    hosts: [{ down: [-420, 0], crashes: [{ id: 'first', recorded: 0, happened: -420, ...PCI }] }],
    alerts: [down(-420, 0), crashed(0), suspect(0)],
  },
  {
    name: 'Prometheus first scrapes the host 30 minutes after its crash was recorded.',
    hosts: [{ firstScrape: 30, crashes: [{ id: 'first', recorded: 0, happened: -10, ...PCI }] }],
    alerts: [crashed(30, 'first', { until: 360 }), suspect(30, 'first', { until: 360 })],
  },
  {
    name: 'Prometheus first scrapes the host 2 days after its crash was recorded.',
    hosts: [
      { firstScrape: 2 * DAY, crashes: [{ id: 'first', recorded: 0, happened: -10, ...PCI }] },
    ],
    alerts: [],
  },
  {
    name: 'A new host has a clock that is a day behind.',
    hosts: [
      {
        ...{ clock: -DAY, firstScrape: 0 },
        crashes: [{ id: 'first', recorded: 0, happened: -10, ...PCI }],
      },
    ],
    alerts: [crashed(0), suspect(0)],
  },
  {
    name: 'A new host has a clock that is a day ahead.',
    hosts: [
      {
        ...{ clock: DAY, firstScrape: 0 },
        crashes: [{ id: 'first', recorded: 0, happened: -10, ...PCI }],
      },
    ],
    alerts: [crashed(0), suspect(0)],
  },
  {
    name: 'The dump has no crash time.',
    hosts: [{ down: [-20, 0], crashes: [{ id: 'first', recorded: 0 }] }],
    alerts: [crashed(0)],
  },
  {
    name: 'The crash time in the dump is ten years in the future.',
    hosts: [
      { down: [-20, 0], crashes: [{ id: 'first', recorded: 0, happened: 3650 * DAY, ...PCI }] },
    ],
    alerts: [crashed(0), suspect(0)],
  },
  {
    name: 'A dump of a crash 20 days ago is found, as with a new or empty ledger.',
    hosts: [{ crashes: [{ id: 'first', recorded: 0, happened: -20 * DAY, ...PCI }] }],
    alerts: [crashed(0)],
  },
  {
    name: 'A directory hangs for a day while the ledger is empty; then a dump of a crash 20 days ago is found in it.',
    hosts: [
      {
        firstPass: [-DAY, 0],
        crashes: [{ id: 'first', recorded: 0, happened: -20 * DAY, ...PCI }],
      },
    ],
    alerts: [crashed(0)],
  },
  {
    name: 'The exporter restarts an hour after a crash was recorded, and a directory hangs: no crash metrics for 5 minutes.',
    hosts: [
      {
        firstPass: [60, 65],
        crashes: [{ id: 'first', recorded: 0, happened: -20, ...PCI }],
      },
    ],
    alerts: [crashed(0), suspect(0)],
  },
  {
    name: 'The ledger is lost a day after the crash, and the dump is still there.',
    hosts: [{ crashes: [{ id: 'first', recorded: 0, happened: -20, ...PCI, again: DAY }] }],
    alerts: [crashed(0), suspect(0), crashed(DAY), suspect(DAY)],
  },
  {
    name: '`--hwerr.suspect-window` is changed 8 hours after a crash was recorded.',
    hosts: [
      {
        window: { from: 8 * HOUR, seconds: 5 },
        crashes: [{ id: 'first', recorded: 0, happened: -20, ...PCI }],
      },
    ],
    alerts: [crashed(0), suspect(0)],
  },
  {
    name: 'A clean crash follows a suspect one, and both are recorded at once.',
    hosts: [
      {
        down: [-20, 0],
        crashes: [
          { id: 'first', recorded: 0, happened: -20, ...PCI },
          { id: 'second', recorded: 0, happened: -10 },
        ],
      },
    ],
    alerts: [crashed(0, 'second'), suspect(0)],
  },
  {
    name: 'The host crashes again 3 hours later.',
    hosts: [
      {
        crashes: [
          { id: 'first', recorded: 0, happened: -20 },
          { id: 'second', recorded: 180, happened: 160 },
        ],
      },
    ],
    alerts: [crashed(0), crashed(180, 'second')],
  },
  {
    name: 'The host crashes four times in a minute.',
    hosts: [
      {
        crashes: ['first', 'second', 'third', 'fourth'].map((id) => ({
          ...{ id, recorded: 0, happened: -1 },
        })),
      },
    ],
    alerts: [crashed(0, 'fourth'), { alert: 'HwerrCrashLoop', from: 0, until: DAY }],
  },
  {
    name: 'A second suspect crash follows after 7 hours; the operator runs `repaired` 2 hours later.',
    hosts: [
      {
        repaired: 9 * HOUR,
        crashes: [
          { id: 'first', recorded: 0, happened: -20, ...PCI },
          { id: 'second', recorded: 7 * HOUR, happened: 7 * HOUR - 20, ...PCI },
        ],
      },
    ],
    alerts: [
      crashed(0),
      suspect(0),
      crashed(7 * HOUR, 'second'),
      suspect(7 * HOUR, 'second'),
      {
        ...{ alert: 'HwerrRepeatedHardwareErrorCrashes', from: 7 * HOUR, until: 9 * HOUR },
        labels: { category: 'pci' },
      },
    ],
  },
  {
    name: 'The host is switched off an hour after its crash was recorded, for 2 hours.',
    hosts: [{ down: [60, 180], crashes: [{ id: 'first', recorded: 0, happened: -20, ...PCI }] }],
    alerts: [crashed(0), suspect(0), down(60, 180)],
  },
  {
    name: 'The host is switched off an hour after its crash was recorded, for 2 days.',
    hosts: [
      {
        down: [60, 60 + 2 * DAY],
        crashes: [{ id: 'first', recorded: 0, happened: -20, ...PCI }],
      },
    ],
    alerts: [crashed(0), suspect(0), down(60, 60 + 2 * DAY)],
  },
  {
    name: 'Three hosts with the same kernel crash.',
    hosts: ['a', 'b', 'c'].map((instance) => ({
      instance,
      crashes: [{ id: instance, recorded: 0, happened: -20 }],
    })),
    alerts: [
      ...['a', 'b', 'c'].map((instance) => crashed(0, instance, { instance })),
      {
        ...{ alert: 'HwerrCrashesOnOneKernel', from: 0, until: DAY, instance: '' },
        labels: { kernel_release: '7.3.4' },
      },
    ],
  },
  {
    name: 'A file cannot be decoded.',
    hosts: [{ failure: { recorded: 0 } }],
    alerts: [
      {
        ...{ alert: 'HwerrDumpNotDecoded', from: 0, until: 6 * HOUR },
        labels: { reason: 'truncated' },
      },
    ],
  },
  {
    name: 'A file cannot be decoded, and the host is switched off an hour later, for 2 days.',
    hosts: [{ failure: { recorded: 0 }, down: [60, 60 + 2 * DAY] }],
    alerts: [
      {
        ...{ alert: 'HwerrDumpNotDecoded', from: 0, until: 6 * HOUR },
        labels: { reason: 'truncated' },
      },
      down(60, 60 + 2 * DAY),
    ],
  },
  {
    name: 'In central mode a dump is too short to contain its host name; its directory names the host.',
    hosts: [{ failure: { recorded: 0, host: 'db1' } }],
    alerts: [
      {
        ...{ alert: 'HwerrDumpNotDecoded', from: 0, until: 6 * HOUR, instance: 'db1' },
        labels: { reason: 'truncated', host: 'db1' },
      },
    ],
  },
  ...[undefined, 'db1'].map((named) => ({
    name: `A file${named === undefined ? '' : ' whose directory names the host'} is decoded an hour after it could not be.`,
    hosts: [{ failure: { recorded: 0, recovered: 60, ...(named && { host: named }) } }],
    alerts: [
      {
        ...{ alert: 'HwerrDumpNotDecoded', from: 0, until: 60, ...(named && { instance: named }) },
        labels: { reason: 'truncated', ...(named && { host: named }) },
      },
    ],
  })),
  ...[undefined, 'db1'].map((named) => ({
    name: `A file${named === undefined ? '' : ' whose directory names the host'} is decoded an hour after it could not be; the host is switched off an hour later, for an hour.`,
    hosts: [
      {
        failure: { recorded: 0, recovered: 60, ...(named && { host: named }) },
        down: [120, 180] as const,
      },
    ],
    alerts: [
      {
        ...{ alert: 'HwerrDumpNotDecoded', from: 0, until: 60, ...(named && { instance: named }) },
        labels: { reason: 'truncated', ...(named && { host: named }) },
      },
      down(120, 180),
    ],
  })),
  {
    name: 'A file whose directory names the host cannot be decoded; two collectors share the ledger.',
    hosts: ['c0', 'c1'].map((instance) => ({ instance, failure: { recorded: 0, host: 'db1' } })),
    alerts: [
      {
        ...{ alert: 'HwerrDumpNotDecoded', from: 0, until: 6 * HOUR, instance: 'db1' },
        labels: { reason: 'truncated', host: 'db1' },
      },
    ],
  },
  {
    name: 'A file cannot be decoded; the exporter restarts an hour later, and a directory hangs: no crash metrics for 5 minutes.',
    hosts: [{ failure: { recorded: 0 }, firstPass: [60, 65] }],
    alerts: [
      {
        ...{ alert: 'HwerrDumpNotDecoded', from: 0, until: 6 * HOUR },
        labels: { reason: 'truncated' },
      },
    ],
  },
  {
    name: 'The running kernel counts a hardware error.',
    hosts: [{ liveError: 0 }],
    alerts: [
      { ...{ alert: 'HwerrErrorsOnRunningHost', from: 0, until: 60 }, labels: { category: 'pci' } },
    ],
  },
  {
    name: 'The target of a host is removed from Prometheus.',
    hosts: [{ gone: 0 }],
    alerts: [{ alert: 'HwerrExporterGone', from: 15, until: DAY }],
  },
  {
    name: 'The textfile of a host is removed while Node Exporter still responds.',
    hosts: [{ job: 'node', silent: 0 }],
    alerts: [{ alert: 'HwerrExporterGone', from: 15, until: DAY }],
  },
  {
    name: 'One of three collectors with `--central.shard` is down for 2 hours.',
    hosts: [...COLLECTORS.slice(0, 2), { ...COLLECTORS[2], down: [0, 120] }],
    alerts: [
      { ...down(0, 120), instance: 'c2' },
      {
        ...{ alert: 'HwerrShardMissing', from: 15, until: 120, instance: '' },
        labels: { shards: '3', present: '3' },
      },
    ],
  },
  {
    name: 'A second collector with the same `--central.shard` runs for 2 hours.',
    hosts: [...COLLECTORS, { instance: 'c3', shard: 2, firstScrape: 0, gone: 120 }],
    alerts: [
      {
        ...{ alert: 'HwerrShardDoubled', from: 15, until: 120, instance: '' },
        labels: { shard: '2', shards: '3' },
      },
      { alert: 'HwerrExporterGone', from: 135, until: 120 + DAY, instance: 'c3' },
    ],
  },
];

/** What `promtool test rules` reads: all situations against a file of rules. */
export function promtoolTests(rulesFile: string): unknown {
  return {
    rule_files: [rulesFile],
    evaluation_interval: `${STEP}m`,
    tests: SITUATIONS.map(({ name, hosts, alerts }) => ({
      name,
      interval: `${STEP}m`,
      input_series: hosts.flatMap(seriesOf),
      promql_expr_test: momentsOf().map((minute) => ({
        expr: 'max without (alertstate, severity, job) (ALERTS{alertstate="firing"})',
        eval_time: `${minute}m`,
        exp_samples: alerts
          .filter(({ from, until }) => minute >= ORIGIN + from && minute < ORIGIN + until)
          .map(({ alert, instance = 'host', labels }) => ({
            labels: selector('', { alertname: alert, instance, ...labels }),
            value: 1,
          })),
      })),
    })),
  };
}

function momentsOf(): number[] {
  const first = 6 * HOUR + CHECK_EVERY; // a recorded time of 0 is not of the last 6 h from then on
  const length = (END - first) / CHECK_EVERY;
  return Array.from({ length }, (_, i) => first + i * CHECK_EVERY);
}

interface Series {
  readonly series: string;
  readonly values: string;
}

/** What scrapes of a host bring, as the exporter would answer at each. */
function seriesOf(host: Host): Series[] {
  const byName = new Map<string, (number | undefined)[]>();
  let step = 0;
  for (let minute = -ORIGIN; minute <= END - ORIGIN; minute += STEP, step++) {
    for (const [series, value] of Object.entries(scrapeAt(host, minute))) {
      const values = byName.get(series) ?? [];
      values[step] = value;
      byName.set(series, values);
    }
  }
  return [...byName].map(([series, values]) => ({ series, values: notation(values, step) }));
}

function notation(values: readonly (number | undefined)[], length: number): string {
  return Array.from({ length }, (_, i) => {
    if (values[i] !== undefined) return String(values[i]);
    return i > 0 && values[i - 1] !== undefined ? 'stale' : '_';
  }).join(' ');
}

function scrapeAt(host: Host, minute: number): Record<string, number> {
  const { instance = 'host', job = 'hwerr', clock = 0, down: off, firstScrape = -ORIGIN } = host;
  const target = { instance, job };
  const name = (metric: string, labels: Record<string, string> = {}): string =>
    selector(metric, { ...labels, ...target });
  if (minute < firstScrape || minute >= (host.gone ?? Infinity)) return {};
  if (off !== undefined && minute >= off[0] && minute < off[1]) return { [name('up')]: 0 };
  if (minute >= (host.silent ?? Infinity)) return { [name('up')]: 1 };
  /** By the clock of the host. */
  const seconds = (at: number): number => (ORIGIN + at + clock) * MINUTE;
  const crashes = (host.crashes ?? [])
    .filter(({ recorded }) => recorded <= minute)
    .map((crash) => ({
      ...crash,
      recorded: (crash.again ?? Infinity) <= minute ? crash.again! : crash.recorded,
    }));
  const isLate = ({ recorded, happened = recorded }: KnownCrash): boolean =>
    recorded - happened > 14 * DAY;
  const recent = crashes.filter((one) => !isLate(one) && minute - one.recorded < DAY);
  const repaired = (host.repaired ?? Infinity) <= minute;
  const last = crashes.at(-1);
  const suspects = crashes.filter((crash) => crash.suspect !== undefined);
  const lastSuspect = suspects.at(-1);
  const category = lastSuspect?.suspect ?? 'pci';
  const { failure, firstPass, liveError, window } = host;
  const crashSamples = {
    [name('hwerr_crashes_total')]: crashes.length,
    [name('hwerr_recent_crashes')]: recent.length,
    [name('hwerr_recent_suspect_crashes', { category })]: repaired ? 0 : suspects.length,
    [name('hwerr_last_crash_recorded_timestamp_seconds')]:
      last === undefined ? 0 : seconds(last.recorded),
    ...(last && {
      [name('hwerr_last_recorded_crash_info', {
        crash: last.id,
        kernel_release: '7.3.4',
        found_late: String(isLate(last)),
      })]: 1,
      [name('hwerr_last_recorded_crash_cause_info', {
        crash: last.id,
        ...(last.fatal === undefined
          ? { verdict: last.suspect === undefined ? 'clean' : 'suspect' }
          : { verdict: 'hardware_panic', category: 'memory', part: last.fatal }),
      })]: 1,
    }),
    [name('hwerr_last_suspect_crash_recorded_timestamp_seconds', { category })]:
      lastSuspect === undefined ? 0 : seconds(lastSuspect.recorded),
    ...(lastSuspect && {
      [name('hwerr_last_suspect_crash_info', {
        category,
        crash: lastSuspect.id,
        found_late: String(isLate(lastSuspect)),
      })]: 1,
    }),
  };
  const isFirstPass = firstPass !== undefined && minute >= firstPass[0] && minute < firstPass[1];
  return {
    [name('up')]: 1,
    [name('hwerr_time_seconds')]: seconds(minute),
    [name('hwerr_suspect_window_seconds')]:
      minute >= (window?.from ?? Infinity) ? window!.seconds : 300,
    ...(isFirstPass ? {} : crashSamples),
    ...(!isFirstPass && {
      [name('hwerr_last_decode_failure_timestamp_seconds', { reason: 'truncated' })]: 0,
    }),
    ...(failure &&
      !isFirstPass &&
      failure.recorded <= minute &&
      minute < (failure.recovered ?? Infinity) && {
        [name('hwerr_last_decode_failure_timestamp_seconds', {
          reason: 'truncated',
          ...(failure.host !== undefined && { host: failure.host }),
        })]: seconds(failure.recorded),
      }),
    ...(host.shard !== undefined && {
      [name('hwerr_shard_info', { shard: String(host.shard), shards: '3' })]: 1,
    }),
    ...(liveError !== undefined && {
      [name('hwerr_live_last_error_timestamp_seconds', { category: 'pci' })]:
        minute >= liveError ? seconds(liveError) : 0,
    }),
  };
}

function selector(metric: string, labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels)
    .filter(([, value]) => value !== '')
    .map(([label, value]) => `${label}="${value}"`);
  return `${metric}{${pairs.join(', ')}}`;
}

/** The situations as a table for people. */
export function alertsTable(): string {
  const rows = SITUATIONS.flatMap(({ name, alerts }) => {
    if (alerts.length === 0) return [`| ${name} | none | | |`];
    const runs = new Map<string, ExpectedAlert[]>();
    for (const alert of alerts) {
      const { instance = '', labels = {} } = alert;
      const key = JSON.stringify([alert.alert, instance, labels]);
      runs.set(key, [...(runs.get(key) ?? []), alert]);
    }
    const lines = [...runs.values()].map(([first, ...more]) => {
      const { alert, from, until } = first!;
      const link = `[${alert}](runbooks.md#${alert.toLowerCase()})`;
      const again =
        more.length === 0 ? 'once' : `again ${more.map((one) => moment(one.from)).join(', ')}`;
      return `${link} | ${moment(from)}, for ${span(until - from)} | ${again} |`;
    });
    return [...new Set(lines)].map((line, i) => `| ${i === 0 ? name : ''} | ${line}`);
  });
  return [
    '| situation | alert | when | once or again |',
    '| --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

function moment(minutes: number): string {
  if (minutes === 0) return 'at once';
  return minutes < 0 ? `${span(-minutes)} before` : `after ${span(minutes)}`;
}

function span(minutes: number): string {
  if (minutes < 2 * HOUR && minutes !== HOUR) return `${minutes} min`;
  const hours = Math.floor(minutes / HOUR);
  const rest = minutes % HOUR;
  return rest === 0 ? `${hours} h` : `${hours} h ${rest} min`;
}
