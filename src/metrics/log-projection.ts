// Samples made from kernel logs: over all crashes, and of the newest one. Errors in logs are never added to
// those that the kernel counted.

import { type CountedErrors, bySeverity, signatureDigest } from '../ledger/logs.ts';
import type { CountedCrash, Totals } from '../ledger/ledger.ts';
import {
  CATEGORIES,
  CRASH_TYPES,
  type HardwareEvent,
  SEVERITIES,
  partName,
} from '../vmcore/index.ts';
import { type PartialSamples, type Sample, labelText } from './sample.ts';

/** Returns the samples of logs, for this host or for one host in central mode. */
export function logSamples(totals: Totals): PartialSamples {
  return {
    ...(totals.isFallback ? {} : logCounters(totals)),
    ...lastLogSamples(totals.lastCrash),
  };
}

function logCounters({ logged, byType }: Totals): PartialSamples {
  return {
    hwerr_logged_errors_total: everySeverity(logged),
    hwerr_crashes_by_type_total: CRASH_TYPES.map((type) => ({
      labels: { type },
      value: byType.get(type) ?? 0,
    })),
  };
}

function lastLogSamples(crash: CountedCrash | undefined): PartialSamples {
  if (crash === undefined) {
    return {
      hwerr_last_crash_logged_errors: everySeverity([]),
      hwerr_last_crash_logged_error_lead_seconds: [],
      hwerr_last_crash_cause_info: [],
      hwerr_last_crash_part_info: [],
      hwerr_last_crash_hardware_info: [],
    };
  }
  const { report, verdict } = crash;
  return {
    hwerr_last_crash_logged_errors:
      report.log.source === 'absent' ? [] : everySeverity(bySeverity(report.loggedErrors)),
    hwerr_last_crash_logged_error_lead_seconds: leads(crash),
    hwerr_last_crash_cause_info: info({
      type: report.crash?.type ?? 'unknown',
      verdict: verdict.kind,
      signature: signatureDigest(report) ?? '',
    }),
    hwerr_last_crash_part_info: parts(report.hardwareEvents),
    hwerr_last_crash_hardware_info: machine(crash),
  };
}

/** Returns a sample for each category and severity, including zeros. */
function everySeverity(errors: readonly CountedErrors[]): Sample[] {
  return CATEGORIES.flatMap((category) =>
    SEVERITIES.map((severity) => ({
      labels: { category, severity },
      value:
        errors.find((one) => one.category === category && one.severity === severity)?.events ?? 0,
    })),
  );
}

function leads({ report }: CountedCrash): Sample[] {
  return bySeverity(report.loggedErrors).flatMap(({ category, severity }) => {
    const seconds = report.loggedErrors
      .filter((one) => one.category === category && one.severity === severity)
      .flatMap(({ leadSeconds }) => leadSeconds ?? []);
    if (seconds.length === 0) return [];
    return [{ labels: { category, severity }, value: Math.min(...seconds) }];
  });
}

const MAX_PARTS = 8;

/** Returns the parts of the newest events, each once per severity. */
function parts(events: readonly HardwareEvent[]): Sample[] {
  const found = new Map<string, Sample>();
  for (const { category, severity, part } of events.toReversed()) {
    const name = partName(part);
    if (name === null || found.size === MAX_PARTS) continue;
    const labels = { category, severity, part: labelText(name) };
    found.set(JSON.stringify(labels), { labels, value: 1 });
  }
  return [...found.values()];
}

function machine({ report }: CountedCrash): Sample[] {
  const hardware = report.crash?.hardware;
  if (hardware === null || hardware === undefined) return [];
  const { vendor, model, biosVersion } = hardware;
  return info({ vendor: vendor ?? '', model: model ?? '', bios: biosVersion ?? '' });
}

function info(labels: Readonly<Record<string, string>>): Sample[] {
  const cut = Object.entries(labels).map(([name, value]) => [name, labelText(value)] as const);
  return [{ labels: Object.fromEntries(cut), value: 1 }];
}
