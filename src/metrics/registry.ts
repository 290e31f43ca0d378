// Renders a scrape: the samples of the collectors, and prom-client's metrics of the process. Families are
// computed for every scrape, so none is stale; if a collector fails, only its metrics are missing.

import { Histogram, type MetricObject, Registry, collectDefaultMetrics } from 'prom-client';
import { CATALOGUE, type MetricName } from './catalogue.ts';
import {
  CONTENT_TYPES,
  type Family,
  type FamilySample,
  type Format,
  exposed,
} from './exposition.ts';
import type { PartialSamples } from './sample.ts';

/** Gauges of prom-client with names of counters, which `promtool check metrics` rejects. */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];

/**
 * Measured by a timer that wakes the process 100 times a second and counts its own 10 ms as lag.
 * nodejs_eventloop_lag_seconds remains, because the scrape measures it.
 */
const LAG_BY_TIMER = ['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99'].map(
  (figure) => `nodejs_eventloop_lag_${figure}_seconds`,
);
/** prom-client always starts the timer, so it gets the maximum interval. */
const LATEST_TIMER_MS = 2 ** 31 - 1;

/** Metrics that operators need: the event loop's lag, the heap, the version of Node. */
const USEFUL = [
  'nodejs_eventloop_lag_seconds',
  'nodejs_heap_size_total_bytes',
  'nodejs_heap_size_used_bytes',
  'nodejs_external_memory_bytes',
  'nodejs_version_info',
];

/** Which metrics of the process: none; process_* and the useful nodejs_*; all. */
export type ProcessMetrics = 'none' | 'useful' | 'all';

/** A part of a scrape; if it throws, only its metrics are missing. */
export type Collector = () => PartialSamples;

interface Exposition {
  readonly contentType: string;
  readonly body: string;
}

/** Renders scrapes, and records decode durations for them. */
export interface Metrics {
  /** Renders a whole scrape: the collectors, decode durations and the process. */
  render(collectors: readonly Collector[], format: Format): Promise<Exposition>;
  /** Renders only the collectors: the metrics of one host. */
  renderOnly(collectors: readonly Collector[], format: Format): Exposition;
  /** Adds a decode duration to the histogram, seconds. */
  readonly observeDecode: (seconds: number) => void;
}

/**
 * Creates the metrics of a process.
 *
 * @param onError called if a part of a scrape failed, which is missing from it.
 */
export function createMetrics(
  processMetrics: ProcessMetrics,
  onError: (error: unknown) => void,
): Metrics {
  const registry = new Registry();
  const name = 'hwerr_dump_decode_duration_seconds';
  const { help, buckets } = CATALOGUE[name];
  const durations = new Histogram({
    name,
    help,
    buckets: [...(buckets ?? [])],
    registers: [registry],
  });
  if (processMetrics !== 'none') {
    collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LATEST_TIMER_MS });
    const unwanted =
      processMetrics === 'all'
        ? [...MISNAMED, ...LAG_BY_TIMER]
        : registry
            .getMetricsAsArray()
            .map((metric) => metric.name)
            .filter((metric) => metric.startsWith('nodejs_') && !USEFUL.includes(metric));
    for (const metric of unwanted) registry.removeSingleMetric(metric);
  }
  const own = (collectors: readonly Collector[]): Family[] =>
    collectors.flatMap((collect) => {
      try {
        return familiesOf(collect());
      } catch (error) {
        onError(error);
        return [];
      }
    });
  return {
    async render(collectors, format): Promise<Exposition> {
      const families = own(collectors);
      for (const metric of registry.getMetricsAsArray() as unknown as readonly Gettable[]) {
        try {
          families.push(libraryFamily(await metric.get()));
        } catch (error) {
          onError(error);
        }
      }
      return exposition(families, format);
    },
    renderOnly: (collectors, format) => exposition(own(collectors), format),
    observeDecode: (seconds) => {
      durations.observe(seconds);
    },
  };
}

/** A metric of prom-client 15. Its types call it MetricObject, which is really what get() resolves to. */
interface Gettable {
  get(): Promise<MetricObject & { readonly values: readonly LibraryValue[] }>;
}

interface LibraryValue {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

function exposition(families: readonly Family[], format: Format): Exposition {
  return { contentType: CONTENT_TYPES[format], body: exposed(families, format) };
}

function familiesOf(samples: PartialSamples): Family[] {
  return Object.entries(samples).map(([name, values]) => {
    const { help, type } = CATALOGUE[name as MetricName];
    return { name, help, type, samples: values.map((sample) => ({ name, ...sample })) };
  });
}

function libraryFamily({ name, help, type, values }: Awaited<ReturnType<Gettable['get']>>): Family {
  const samples: FamilySample[] = values.map(({ metricName, labels, value }) => ({
    name: metricName ?? name,
    labels,
    value,
  }));
  return { name, help, type: String(type), samples };
}
