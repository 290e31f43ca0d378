// The samples of a scrape.

import type { MetricName } from './catalogue.ts';

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The samples of some metrics; a metric without any is named all the same. */
export type PartialSamples = Readonly<Partial<Record<MetricName, readonly Sample[]>>>;
/** The samples of all of these metrics. */
export type SamplesOf<Names extends MetricName> = Readonly<Record<Names, readonly Sample[]>>;

/** The one sample of a metric without labels. */
export function one(value: number): Sample[] {
  return [{ labels: {}, value }];
}
