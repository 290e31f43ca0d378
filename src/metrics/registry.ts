// The catalogue and the projection, rendered by prom-client. A registry of our own, and the only
// file that knows the library: its successor needs a newer Node.

import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { CATALOGUE, type MetricDefinition, type MetricName } from './catalogue.ts';
import type { Samples } from './projection.ts';

/** Gauges of prom-client named like counters, which `promtool check metrics` refuses. */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];

export interface Metrics {
  readonly contentType: string;
  /** The exposition of one scrape. */
  render(): Promise<string>;
  observeDecode(seconds: number): void;
}

/**
 * @param samples called once a scrape.
 * @param exporterMetrics whether to add process_* and nodejs_*.
 */
export function createMetrics(samples: () => Samples, exporterMetrics: boolean): Metrics {
  const registry = new Registry();
  const settable = new Map<MetricName, Settable>();
  for (const [name, definition] of Object.entries(CATALOGUE)) {
    if (definition.type === 'histogram') continue;
    settable.set(name as MetricName, settableMetric(registry, name, definition));
  }
  const { help, buckets } = CATALOGUE.hwerr_dump_decode_duration_seconds;
  const durations = new Histogram({
    name: 'hwerr_dump_decode_duration_seconds',
    help,
    buckets: [...(buckets ?? [])],
    registers: [registry],
  });
  if (exporterMetrics) {
    collectDefaultMetrics({ register: registry });
    for (const name of MISNAMED) registry.removeSingleMetric(name);
  }
  return {
    contentType: registry.contentType,
    async render(): Promise<string> {
      for (const [name, values] of Object.entries(samples())) {
        const metric = settable.get(name as MetricName);
        metric?.reset();
        for (const { labels, value } of values) metric?.set(labels, value);
      }
      return registry.metrics();
    },
    observeDecode: (seconds) => {
      durations.observe(seconds);
    },
  };
}

/** A metric that is written anew at every scrape. */
interface Settable {
  reset(): void;
  set(labels: Readonly<Record<string, string>>, value: number): void;
}

function settableMetric(registry: Registry, name: string, definition: MetricDefinition): Settable {
  const { help, type, labels } = definition;
  const options = { name, help, labelNames: [...(labels ?? [])], registers: [registry] };
  if (type === 'gauge') {
    const gauge = new Gauge(options);
    return {
      reset: () => {
        gauge.reset();
      },
      set: (values, value) => {
        gauge.set(values, value);
      },
    };
  }
  const counter = new Counter(options);
  return {
    reset: () => {
      counter.reset();
    },
    set: (values, value) => {
      counter.inc(values, value);
    },
  };
}
