/** The built exporter as a process of its own, on a port of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const START_MS = 15_000;

export interface Daemon {
  readonly port: number;
  readonly child: ChildProcess;
  /** What it logged so far. */
  log(): string;
  /** Waits until its log says so. */
  logged(pattern: RegExp, ms?: number): Promise<void>;
  /** SIGTERM. @returns the exit code. */
  stop(): Promise<number | null>;
}

/** @param args flags; it listens on a free port of 127.0.0.1 unless they say otherwise. */
export async function startDaemon(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Daemon> {
  const listen = args.some((arg) => arg.startsWith('--web.listen-address'))
    ? []
    : ['--web.listen-address=127.0.0.1:0'];
  const child = spawn(process.execPath, [MAIN, ...args, ...listen], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...environment },
  });
  let text = '';
  child.stderr.setEncoding('utf8').on('data', (piece: string) => (text += piece));
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const daemon = {
    child,
    log: () => text,
    async logged(pattern: RegExp, ms = START_MS): Promise<void> {
      const end = Date.now() + ms;
      while (!pattern.test(text)) {
        await pause(50);
        if (Date.now() > end || child.exitCode !== null) {
          throw new Error(`the exporter did not log ${String(pattern)}:\n${text}`);
        }
      }
    },
    async stop(): Promise<number | null> {
      child.kill('SIGTERM');
      return (await exited)[0];
    },
  };
  await daemon.logged(/msg=listening/);
  return { ...daemon, port: Number(/msg=listening port=(\d+)/.exec(text)?.[1] ?? 0) };
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
