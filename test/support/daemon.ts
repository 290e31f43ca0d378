// The real daemon, from dist/, on a port of the loopback.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

export type Scrape = ReadonlyMap<string, number>;

export interface Daemon {
  readonly child: ChildProcess;
  readonly log: () => string;
  /** Samples by name and labels, as they stand in the exposition. */
  scrape(): Promise<Scrape>;
  status(path: string): Promise<number>;
  /** Scrapes until `done`; fails after `timeoutMs`, with the last scrape and the log. */
  until(done: (scrape: Scrape) => boolean, timeoutMs?: number): Promise<Scrape>;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export function temporaryDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'hwerr-'));
}

/** Run the program to its end. */
export async function runProgram(
  args: readonly string[],
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (text: Buffer) => (stdout += text.toString()));
  child.stderr.on('data', (text: Buffer) => (stderr += text.toString()));
  await once(child, 'close');
  return { code: child.exitCode, stdout, stderr };
}

/** Start it and wait until it listens. */
export async function startDaemon(args: readonly string[]): Promise<Daemon> {
  const child = spawn(
    process.execPath,
    [MAIN, '--web.listen-address=127.0.0.1:0', '--web.disable-exporter-metrics', ...args],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let log = '';
  child.stderr.on('data', (text: Buffer) => (log += text.toString()));
  const port = await waitFor(() => {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`it died:\n${log}`);
    return /listening.* port=(\d+)/.exec(log)?.[1];
  }, 15_000);
  const get = (path: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(10_000) });
  const scrape = async (): Promise<Scrape> => parse(await (await get('/metrics')).text());
  return {
    child,
    log: () => log,
    scrape,
    status: async (path) => (await get(path)).status,
    async until(done, timeoutMs = 20_000): Promise<Scrape> {
      let last: Scrape = new Map();
      try {
        return await waitFor(async () => {
          last = await scrape();
          return done(last) ? last : undefined;
        }, timeoutMs);
      } catch (error) {
        const samples = [...last].filter(([, value]) => value !== 0);
        throw new Error(`${String(error)}\n${samples.join('\n')}\n${log}`, { cause: error });
      }
    },
    async stop(signal = 'SIGTERM'): Promise<void> {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const closed = once(child, 'exit');
      child.kill(signal);
      await closed;
    },
  };
}

function parse(text: string): Scrape {
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    const match = /^([^#\s][^ ]*(?:\{.*\})?) (\S+)$/.exec(line);
    if (match?.[1] !== undefined) samples.set(match[1], Number(match[2]));
  }
  return samples;
}

async function waitFor<T>(
  value: () => T | undefined | Promise<T | undefined>,
  timeoutMs: number,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const result = await value();
    if (result !== undefined) return result;
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms`);
    await sleep(25);
  }
}
