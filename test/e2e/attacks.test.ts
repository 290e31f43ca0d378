/** Clients without manners, against the exporter and against node_exporter by the same script. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { type Socket, connect } from 'node:net';

import { expect, onTestFinished } from 'vitest';

import { exitOf } from '../support/daemon/program.ts';
import { pause, startDaemon } from '../support/daemon/running-daemon.ts';
import { eventually } from '../support/system/eventually.ts';
import { needsTool } from '../support/system/tools.ts';

const nodeExporter = needsTool('prometheus-node-exporter');

const ATTACK_MS = 4000;
const REQUESTS = 'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(4);

interface Outcome {
  readonly worstMs: number;
  readonly healthy: readonly number[];
  readonly scrapes: readonly number[];
}

/** @param misbehave is called with every new connection. */
async function attack(
  port: number,
  clients: number,
  misbehave: (socket: Socket) => void,
): Promise<Outcome> {
  const sockets = new Set<Socket>();
  let isOver = false;
  const open = (): void => {
    if (isOver) return;
    const socket = connect(port, '127.0.0.1');
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      sockets.delete(socket);
      setImmediate(open);
    });
    misbehave(socket);
  };
  for (let i = 0; i < clients; i++) open();
  const status = async (path: string): Promise<number> => {
    const { status, body } = await fetch(`http://127.0.0.1:${port}${path}`, {
      headers: { connection: 'close' },
    });
    await body?.cancel();
    return status;
  };
  const [healthy, scrapes]: [number[], number[]] = [[], []];
  let worstMs = 0;
  const end = performance.now() + ATTACK_MS;
  while (performance.now() < end) {
    const start = performance.now();
    healthy.push(await status('/'));
    scrapes.push(await status('/metrics'));
    worstMs = Math.max(worstMs, performance.now() - start);
    await pause(100);
  }
  isOver = true;
  for (const socket of sockets) socket.destroy();
  return { worstMs, healthy, scrapes };
}

const ATTACKS = {
  '100 clients that pipeline requests and never read': [
    100,
    (socket: Socket): void => {
      socket.pause();
      const timer = setInterval(() => {
        if (socket.writableLength === 0) socket.write(REQUESTS);
      }, 20);
      socket.on('close', () => {
        clearInterval(timer);
      });
    },
  ],
  '600 silent connections that are opened again and again': [
    600,
    (socket: Socket): void => {
      socket.resume();
      setTimeout(() => socket.destroy(), 100);
    },
  ],
} as const;

nodeExporter.describe('under attack, no worse than node_exporter', () => {
  for (const [what, [clients, misbehave]] of Object.entries(ATTACKS)) {
    nodeExporter.it(
      `${what}: every scrape is answered`,
      async () => {
        const daemon = await startDaemon();
        const port = await startNodeExporter();
        const theirs = await attack(port, clients, misbehave);
        const ours = await attack(daemon.port, clients, misbehave);
        const status = readFileSync(`/proc/${daemon.child.pid}/status`, 'utf8');
        const peakMiB = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024;
        console.log(
          `${what}: worst ${ours.worstMs.toFixed(0)} ms, node_exporter ${theirs.worstMs.toFixed(0)} ms; peak ${peakMiB.toFixed(0)} MiB`,
        );
        expect(new Set([...ours.healthy, ...ours.scrapes])).toEqual(new Set([200]));
        expect(ours.worstMs).toBeLessThan(Math.max(2000, 2 * theirs.worstMs));
        expect(peakMiB).toBeLessThan(150);
      },
      60_000,
    );
  }
});

/** @returns its port. */
async function startNodeExporter(): Promise<number> {
  const child = spawn(
    nodeExporter.path,
    ['--web.listen-address=127.0.0.1:0', '--collector.disable-defaults'],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  onTestFinished(async () => {
    child.kill();
    await exitOf(child);
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (piece: string) => (log += piece));
  return eventually('node_exporter listens', () => {
    const port = /listening on.*address=\S*:(\d+)/i.exec(log);
    return Promise.resolve(port === null ? undefined : Number(port[1]));
  });
}
