/** One decode as the daemon does it, in a worker thread: what it reads, and how long it takes. */
import { basename } from 'node:path';
import { Worker } from 'node:worker_threads';
import { digits, table } from './measure.mjs';

/** @param dumps paths; those that need symbols from elsewhere are measured too: up to their answer. */
export async function decodes(dumps, runs) {
  const rows = [];
  for (const path of dumps) {
    const { first, cold, warm, alone } = await inWorker({ path, runs });
    rows.push([
      basename(path),
      ...columns(cold),
      alone === undefined ? '–' : `${digits(cold.cpuMs / alone.cpuMs)}x`,
      ...columns(warm),
      digits(first.ms),
    ]);
  }
  const each = ['pages', 'KiB read', 'ms', 'CPU ms'];
  const again = each.map((name) => `again: ${name}`);
  table(['dump', ...each, 'CPU, of its pages alone', ...again, 'first in the thread: ms'], rows);
}

/** Pages are those for the counters and those for the log. */
function columns({ pages, logPages, bytesRead, ms, cpuMs }) {
  return [`${pages} + ${logPages}`, digits(bytesRead / 1024), digits(ms), digits(cpuMs)];
}

function inWorker(workerData) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./decode-in-worker.mjs', import.meta.url), { workerData });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}
