/** One decode as the daemon does it, in a worker thread: what it reads, and how long it takes. */
import { basename } from 'node:path';
import { Worker } from 'node:worker_threads';
import { digits, table } from './measure.mjs';

/** @param dumps paths; those that need symbols from elsewhere are measured too: up to their answer. */
export async function decodes(dumps, runs) {
  const rows = [];
  for (const path of dumps) {
    const { first, decode, alone } = await inWorker({ path, runs });
    rows.push([
      basename(path),
      ...columns(decode),
      alone === undefined ? '–' : `${digits(decode.cpuMs / alone.cpuMs)}x`,
      digits(first.ms),
    ]);
  }
  const each = ['pages', 'KiB read', 'ms', 'CPU ms'];
  table(['dump', ...each, 'CPU, relative to only its pages', 'first in the thread: ms'], rows);
}

function columns({ pages, bytesRead, ms, cpuMs }) {
  return [pages, digits(bytesRead / 1024), digits(ms), digits(cpuMs)];
}

function inWorker(workerData) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./decode-in-worker.mjs', import.meta.url), { workerData });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}
