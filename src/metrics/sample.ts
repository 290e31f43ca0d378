// The samples of a scrape.

import { visible } from '../text.ts';
import type { MetricName } from './catalogue.ts';

/** No label is longer: kernels name their release with less, hostile dumps with anything. */
const MAX_LABEL = 256;

/** One value of a metric of the catalogue. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The samples of some metrics; a metric without any is named all the same. */
export type PartialSamples = Readonly<Partial<Record<MetricName, readonly Sample[]>>>;
/** The samples of all of these metrics. */
export type SamplesOf<Names extends MetricName> = Readonly<Record<Names, readonly Sample[]>>;

/** Text of a dump as the value of a label. */
export function labelText(text: string): string {
  return visible(text).slice(0, MAX_LABEL).toWellFormed();
}

/** The one sample of a metric without labels. */
export function one(value: number): Sample[] {
  return [{ labels: {}, value }];
}
