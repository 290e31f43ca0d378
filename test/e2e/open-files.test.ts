// More silent clients than files that the daemon may open: a new dump is decoded, and scrapes answer.

import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type Socket, connect } from 'node:net';
import { join } from 'node:path';

import { expect, onTestFinished } from 'vitest';

import { MAIN, exitOf, withoutOurs } from '../support/daemon/program.ts';
import { fixture } from '../support/dumps/fixtures.ts';
import { eventually } from '../support/system/eventually.ts';
import { tempDir } from '../support/system/temp-dir.ts';
import { needsTool } from '../support/system/tools.ts';

const prlimit = needsTool('prlimit');
const OPEN_FILES = 1024;
const CLIENTS = 1500;

prlimit.it('decodes and answers when clients would take all of them', async () => {
  const dumps = tempDir();
  const program = [process.execPath, MAIN];
  const flags = [`--kdump.path=${dumps}`, `--ledger.path=${tempDir()}`, '--kdump.settle=20ms'];
  const child = spawn(
    prlimit.path,
    [`--nofile=${OPEN_FILES}`, ...program, ...flags, '--web.listen-address=127.0.0.1:0'],
    { stdio: ['ignore', 'ignore', 'pipe'], env: withoutOurs(process.env) },
  );
  const sockets = new Set<Socket>();
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    child.kill('SIGKILL');
    await exitOf(child);
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (piece: string) => (log += piece));
  const port = await eventually('it listens', () => /listening port=(\d+)/.exec(log)?.[1]);
  await new Promise<void>((resolve) => {
    let connected = 0;
    for (let i = 0; i < CLIENTS; i++) {
      const socket = connect(Number(port), '127.0.0.1');
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('connect', () => {
        if (++connected === CLIENTS) resolve();
      });
    }
  });
  mkdirSync(join(dumps, 'crash'));
  writeFileSync(join(dumps, 'crash/vmcore'), readFileSync(fixture('x86_64-7.3.4.elf')));
  await eventually('the crash is shown', async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`, {
      headers: { connection: 'close' },
    });
    return (await answer.text()).includes('\nhwerr_crashes_total 1\n') || undefined;
  });
  expect(log).not.toContain('EMFILE');
});
