// Which metrics, flags and commands deploy/ may speak of: those that exist.

import { parser } from '@prometheus-io/lezer-promql';

import { FLAGS, environmentName } from '../../src/config.ts';
import { CATALOGUE } from '../../src/metrics/catalogue.ts';

/** Metrics of others that deploy/ uses: Prometheus' own, prom-client's. */
const FOREIGN_METRICS: readonly string[] = ['up', 'process_resident_memory_bytes'];

/** The series of histograms have names of their own. */
const catalogued = Object.entries(CATALOGUE).flatMap(([name, { type }]) =>
  type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`, name] : [name],
);

export const KNOWN_METRICS: ReadonlySet<string> = new Set([...catalogued, ...FOREIGN_METRICS]);

export const KNOWN_FLAGS: ReadonlySet<string> = new Set(
  Object.values(FLAGS).map(({ name }) => name),
);

/** HWERR_KDUMP_PATH and so on. */
export const KNOWN_VARIABLES: ReadonlySet<string> = new Set(
  Object.values(FLAGS).map(environmentName),
);

/** The metrics a PromQL expression selects. @throws Error where it does not parse. */
export function metricsIn(expression: string): string[] {
  const names: string[] = [];
  parser.parse(expression).iterate({
    enter: ({ type, node, from, to }) => {
      if (type.isError) throw new Error(`no PromQL at ${from}: ${expression}`);
      if (type.name !== 'VectorSelector') return;
      const name = node.getChild('Identifier');
      if (name === null)
        throw new Error(`selects no metric by name: ${expression.slice(from, to)}`);
      names.push(expression.slice(name.from, name.to));
    },
  });
  return names;
}
