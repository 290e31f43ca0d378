// The built daemon (dist/) as a process of its own, on a port of its own, with a ledger of its own.

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { type IncomingMessage, get } from 'node:http';
import { text } from 'node:stream/consumers';

import { eventually } from '../system/eventually.ts';
import { MAIN, exitOf, start } from './program.ts';
import { tempDir } from '../system/temp-dir.ts';

/** Samples by name and labels, as they stand in an exposition. */
export type Scrape = ReadonlyMap<string, number>;

export interface Daemon {
  readonly child: ChildProcess;
  /** How long it took from its start until it listened: half a second when the machine is idle. */
  readonly startMs: number;
  readonly url: string;
  readonly port: number;
  /** The dump directory it watches, unless its flags name others. */
  readonly directory: string;
  /** Everything logged so far. */
  readonly log: () => string;
  /** Waits until its log says so. */
  readonly logged: (pattern: RegExp, timeoutMs?: number) => Promise<void>;
  /** The body of /metrics. */
  readonly metrics: () => Promise<string>;
  /** Value of a series such as `hwerr_crashes_total`, labels and all; undefined when absent. */
  readonly value: (series: string) => Promise<number | undefined>;
  /** The samples of /metrics, or of another path. */
  readonly scrape: (path?: string) => Promise<Scrape>;
  /** Scrapes until `done`. @throws with the last scrape and the log when that takes too long. */
  readonly until: (done: (scrape: Scrape) => boolean, timeoutMs?: number) => Promise<Scrape>;
  /** Sends the signal. @returns the exit code when it has ended; null when a signal ended it. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<number | null>;
}

/**
 * Start the daemon inside a test, and wait until it listens; it is killed when the test is over.
 *
 * @param flags those for its address, ledger and directories are added where they are missing.
 * @param by as of start().
 */
export async function startDaemon(
  flags: readonly string[] = [],
  directory: string = tempDir(),
  by: readonly string[] = [],
): Promise<Daemon> {
  const missing = (name: string, value: () => string): string[] =>
    flags.some((flag) => flag.startsWith(name)) ? [] : [name, value()];
  const args = [
    MAIN,
    ...flags,
    ...missing('--kdump.path', () => directory),
    ...missing('--ledger.path', tempDir),
    ...missing('--web.listen-address', () => '127.0.0.1:0'),
  ];
  const child = start(args, {}, {}, by);
  const spawnedMs = performance.now();
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (piece: string) => {
    log += piece;
  });
  const inLog = (pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray> =>
    eventually(
      `${String(pattern)} in the log of the daemon`,
      () => {
        const match = pattern.exec(log) ?? undefined;
        if (match === undefined && (child.exitCode !== null || child.signalCode !== null)) {
          throw new Error(`the daemon ended:\n${log}`);
        }
        return match;
      },
      timeoutMs,
    ).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${log}`, { cause: error });
    });
  const port = Number((await inLog(/^(?=.*listening).*\bport"?[=:](\d+)/m))[1]);
  const startMs = performance.now() - spawnedMs;
  const url = `http://127.0.0.1:${port}`;
  const body = async (path: string): Promise<string> =>
    (await answerOf({ host: '127.0.0.1', port, path })).body;
  const metrics = (): Promise<string> => body('/metrics');
  const scrape = async (path = '/metrics'): Promise<Scrape> => samplesIn(await body(path));
  return {
    ...{ child, startMs, url, port, directory, metrics, scrape },
    log: () => log,
    async logged(pattern, timeoutMs): Promise<void> {
      await inLog(pattern, timeoutMs);
    },
    value: async (series) => valueIn(await metrics(), series),
    async until(done, timeoutMs): Promise<Scrape> {
      let last: Scrape = new Map();
      try {
        return await eventually(
          `a scrape for which ${String(done)}`,
          async () => {
            last = await scrape();
            return done(last) ? last : undefined;
          },
          timeoutMs,
        );
      } catch (error) {
        const samples = [...last].filter(([, value]) => value !== 0);
        throw new Error(`${String(error)}\n${samples.join('\n')}\n${log}`, { cause: error });
      }
    },
    stop(signal = 'SIGTERM'): Promise<number | null> {
      child.kill(signal);
      return exitOf(child);
    },
  };
}

/** Of a request over a connection of its own: one that is kept may be closed just when it is used again. */
export async function answerOf(
  where: Readonly<Record<'host' | 'path', string>> & { readonly port: number },
): Promise<{ readonly status: number; readonly body: string }> {
  const request = get({ ...where, agent: false });
  const answer = once(request, 'response') as Promise<[IncomingMessage]>;
  request.on('error', () => undefined); // one after the head is one of its body, too
  const [response] = await answer;
  return { status: response.statusCode ?? 0, body: await text(response) };
}

export function samplesIn(exposition: string): Scrape {
  const samples = new Map<string, number>();
  for (const line of exposition.split('\n')) {
    const match = /^([^#\s][^ ]*(?:\{.*\})?) (\S+)$/.exec(line);
    if (match?.[1] !== undefined) samples.set(match[1], Number(match[2]));
  }
  return samples;
}

/** Value of a series in an exposition. */
export function valueIn(exposition: string, series: string): number | undefined {
  return samplesIn(exposition).get(series);
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
