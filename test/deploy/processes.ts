// The real programs the tests of deploy/ bring up: the built daemon, Debian's Prometheus and
// Alertmanager. All on 127.0.0.1 and on ports nobody uses, all gone with the test.

import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { eventually } from '../support/system/eventually.ts';
import { MAIN, withoutOurs } from '../support/daemon/program.ts';
import { freePort } from '../support/system/free-port.ts';

/** The repository. */
export const ROOT: string = fileURLToPath(new URL('../..', import.meta.url));

/** What is to be undone, last first. */
export class Cleanup {
  readonly #steps: (() => void | Promise<void>)[] = [];

  add(step: () => void | Promise<void>): void {
    this.#steps.push(step);
  }

  /** All of it, whatever fails. @throws what failed. */
  async run(): Promise<void> {
    const errors: unknown[] = [];
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, errors.map(String).join('\n'));
  }

  /** A new folder that is removed at the end. */
  folder(): string {
    const path = mkdtempSync(join(tmpdir(), 'hwerr-deploy-'));
    this.add(() => {
      rmSync(path, { recursive: true, force: true });
    });
    return path;
  }
}

export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Answers 2xx once the program is up. */
  readonly readyUrl: string;
}

/** Starts a program and waits until it is ready. @throws Error with its output when it ends first. */
export async function start(program: Program, cleanup: Cleanup): Promise<ChildProcess> {
  const child = spawn(program.command, program.args, {
    cwd: program.cwd,
    env: { ...withoutOurs(process.env), ...program.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data: Buffer) => (output = (output + data.toString()).slice(-8000)));
  }
  endWith(child, cleanup);
  await eventually(`${program.command} is ready`, async () => {
    if (child.exitCode !== null) throw new Error(`${program.command} ended:\n${output}`);
    const response = await fetch(program.readyUrl).catch(() => undefined);
    return response?.ok ? true : undefined;
  });
  return child;
}

/** The daemon on `directory`, with a ledger of its own. @returns HOST:PORT. */
export async function startDaemon(
  directory: string,
  cleanup: Cleanup,
  ...more: readonly string[]
): Promise<string> {
  const address = `127.0.0.1:${await freePort()}`;
  await startDaemonAt(address, directory, cleanup, { flags: more });
  return address;
}

/** The same where it is to listen. @param options its clock is so many seconds ahead. */
export async function startDaemonAt(
  address: string,
  directory: string,
  cleanup: Cleanup,
  options: { readonly flags?: readonly string[]; readonly clockSeconds?: number } = {},
): Promise<void> {
  const { flags = [], clockSeconds = 0 } = options;
  const watch = [`--kdump.path=${directory}`, '--kdump.settle=300ms', '--kdump.rescan=2s'];
  const clock = join(cleanup.folder(), 'clock.mjs');
  writeFileSync(clock, `const now = Date.now;\nDate.now = () => now() + ${clockSeconds * 1000};\n`);
  await start(
    {
      command: process.execPath,
      args: ['--import', clock, MAIN, ...watch, ...flags, `--web.listen-address=${address}`],
      env: { HWERR_LEDGER_PATH: cleanup.folder() },
      readyUrl: `http://${address}/-/ready`,
    },
    cleanup,
  );
}

/** Puts the Node of the tests into another root: this machine's own may be too old for the exporter. */
export function installNode(root: string): void {
  const node = join(root, 'usr/local/bin/node');
  mkdirSync(dirname(node), { recursive: true });
  rmSync(node, { force: true }); // a link would lead out of the root
  copyFileSync(process.execPath, node);
}

/** Puts a dump where kdump would, as kdump-utils does: under another name first. */
export function drop(sample: string, directory: string, name: string): void {
  const folder = join(directory, name);
  mkdirSync(folder, { recursive: true });
  copyFileSync(sample, join(folder, 'vmcore-incomplete'));
  renameSync(join(folder, 'vmcore-incomplete'), join(folder, 'vmcore'));
}

/** A program that does not end by itself for so long is killed. */
const PATIENCE_MS = 60_000;

/** Ends a program, and waits for its end, when the cleanup comes. */
export function endWith(child: ChildProcess, cleanup: Cleanup): void {
  const ended = new Promise((resolve) => child.once('close', resolve));
  cleanup.add(async () => {
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
    await ended;
    clearTimeout(late);
  });
}
