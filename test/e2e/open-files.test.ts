// More silent clients than files that the daemon may open: a new dump is decoded, and scrapes answer.

import { once } from 'node:events';
import { copyFileSync } from 'node:fs';
import { type Socket, connect } from 'node:net';
import { join } from 'node:path';

import { expect, onTestFinished } from 'vitest';

import { startDaemon } from '../support/daemon/running-daemon.ts';
import { fixture } from '../support/dumps/fixtures.ts';
import { tempDir } from '../support/system/temp-dir.ts';
import { needsTool } from '../support/system/tools.ts';

const prlimit = needsTool('prlimit');
const OPEN_FILES = 1024;
const CLIENTS = 1500;

prlimit.it('decodes and answers when clients would take all of them', async () => {
  const dumps = tempDir();
  const limited = [prlimit.path, `--nofile=${OPEN_FILES}`];
  const daemon = await startDaemon(['--kdump.settle=20ms'], dumps, limited);
  const sockets = new Set<Socket>();
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  const tried = Array.from({ length: CLIENTS }, () => {
    const socket = connect(daemon.port, '127.0.0.1');
    sockets.add(socket);
    socket.on('error', () => undefined);
    return Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => undefined);
  });
  await Promise.all(tried);
  copyFileSync(fixture('x86_64-7.3.4.elf'), join(dumps, 'vmcore'));
  await daemon.until((scrape) => scrape.get('hwerr_crashes_total') === 1);
  expect(daemon.log()).not.toContain('EMFILE');
});
