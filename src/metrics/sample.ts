// The samples of a scrape.

import { visible } from '../text.ts';
import type { MetricName } from './catalogue.ts';

/** Maximum length of a label value. Kernel releases are shorter, text in hostile dumps may not be. */
const MAX_LABEL = 256;

/** One value of a metric of the catalogue. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The samples of some metrics; a metric with an empty list still appears in the scrape. */
export type PartialSamples = Readonly<Partial<Record<MetricName, readonly Sample[]>>>;
/** The samples of all of these metrics. */
export type SamplesOf<Names extends MetricName> = Readonly<Record<Names, readonly Sample[]>>;

/** Returns text of a dump as a label value: control characters escaped, truncated. */
export function labelText(text: string): string {
  return visible(text).slice(0, MAX_LABEL).toWellFormed();
}

/** Returns the sample of a metric without labels. */
export function one(value: number): Sample[] {
  return [{ labels: {}, value }];
}
