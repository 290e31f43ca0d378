// The JSON API: what the page shows, for programs. Its shape is deploy/docs/crashes.schema.json.

import type { CrashView, FailureView, Selection, Views } from './views.ts';
import { advice, verdictText } from '../wording.ts';

/** Body of /api/v1/crashes. */
export function crashesBody(views: Views, asked: Selection): object {
  const { page, matching } = views.crashes(asked);
  return {
    kdumpArmed: views.kdumpArmed() ?? null,
    thisBoot: views.thisBoot() ?? null,
    directories: views.directories().map((directory) => ({
      ...directory,
      lastScanSeconds: directory.lastScanSeconds || null,
    })),
    ledgerProblem: views.ledgerProblem() ?? null,
    total: matching,
    crashes: page.map(crashBody),
    failures: views.failures().map(failureBody),
  };
}

/** Body of /api/v1/crashes/ID. */
export function crashBody(crash: CrashView): object {
  return { ...crash, verdict: { ...crash.verdict, text: verdictText(crash.verdict) } };
}

function failureBody(failure: FailureView): object {
  return { ...failure, advice: advice(failure.reason) };
}
