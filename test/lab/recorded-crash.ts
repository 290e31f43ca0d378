// What an exporter has in its API, of the one crash that it knows.

import { eventually } from '../support/system/eventually.ts';

export interface RecordedCrash {
  readonly crashTimeSeconds: number | null;
  readonly verdict: { readonly text: string };
  readonly dumps: readonly { readonly path: string }[];
  readonly hwerr: {
    readonly categories?: readonly {
      readonly category: string;
      readonly count: number;
      readonly lastErrorTimestampSeconds: number | null;
    }[];
  };
}

/** Once it has it. @param url of the exporter. @param query selects crashes. */
export function recordedCrash(
  url: string,
  timeoutMs = 120_000,
  query = '',
): Promise<RecordedCrash> {
  return eventually(
    'the exporter has decoded the dump',
    async () => {
      const answer = await fetch(`${url}/api/v1/crashes${query}`).catch(() => undefined);
      if (answer?.ok !== true) return undefined;
      const { crashes } = (await answer.json()) as { crashes: RecordedCrash[] };
      return crashes.length === 1 ? crashes[0] : undefined;
    },
    timeoutMs,
  );
}
