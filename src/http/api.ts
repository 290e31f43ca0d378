// The JSON API: the data of the pages, for programs. Its schema is deploy/docs/crashes.schema.json.

import type { CrashView, FailureView, SignaturesView, StatusView } from './views.ts';
import { SCHEMA_VERSION } from '../version.ts';
import { advice, verdictText } from '../wording.ts';

/** Returns the body of /api/v1/crashes. */
export function crashesBody(view: StatusView): object {
  return {
    schemaVersion: SCHEMA_VERSION,
    kdumpArmed: view.kdumpArmed ?? null,
    thisBoot: view.thisBoot ?? null,
    directories: view.directories.map((directory) => ({
      ...directory,
      lastScanSeconds: directory.lastScanSeconds || null,
    })),
    ledgerProblem: view.ledgerProblem ?? null,
    total: view.matching,
    crashes: view.crashes.map(summaryBody),
    failures: view.failures.map(failureBody),
  };
}

/** Leaves out the events of each crash in a list, because there may be a hundred; `loggedErrors` sums them up. */
function summaryBody(crash: CrashView): object {
  const { hardwareEvents: _events, ...rest } = crash;
  return { ...rest, verdict: verdictBody(crash) };
}

/** Returns the body of /api/v1/crashes/ID. */
export function crashBody(crash: CrashView): object {
  return { schemaVersion: SCHEMA_VERSION, ...crash, verdict: verdictBody(crash) };
}

/** Returns the body of /api/v1/signatures. */
export function signaturesBody({ signatures, total, unsigned }: SignaturesView): object {
  return { schemaVersion: SCHEMA_VERSION, total, crashesWithoutSignature: unsigned, signatures };
}

function verdictBody({ verdict }: CrashView): object {
  return { ...verdict, text: verdictText(verdict) };
}

function failureBody(failure: FailureView): object {
  return { ...failure, advice: advice(failure.reason) };
}
