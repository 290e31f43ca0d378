// One daemon a ledger. The lock is a listening Unix socket in the ledger's directory: the kernel closes
// it with the process, however that ends, and whoever connects learns whether anybody is behind it,
// from another container too. (Node has no flock; a pid in a file means nothing there.)

import { closeSync, existsSync, openSync, rmSync } from 'node:fs';
import { type Server, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { errorCode } from '../failure.ts';
import { StoreError } from './store-error.ts';

const SOCKET = 'daemon.sock';
/** No socket there, or no process behind it. */
const NOBODY: ReadonlySet<string> = new Set(['ENOENT', 'ECONNREFUSED']);

/** The right to write a ledger, held until it is released or the process ends. */
export interface Lock {
  release(): Promise<void>;
}

/** @throws StoreError: `busy`, or why no socket can be made there. */
export async function lockLedger(directory: string): Promise<Lock> {
  const path = join(directory, SOCKET);
  // A socket's path may have 107 bytes; this way the directory's may be longer.
  const fd = openSync(directory, 'r');
  const short = existsSync('/proc/self/fd') ? `/proc/self/fd/${fd}/${SOCKET}` : path;
  try {
    if (await answers(short)) {
      throw new StoreError('busy', `${directory}: another hwerr-exporter works with this ledger`);
    }
    rmSync(path, { force: true });
    const server = await listen(short);
    return {
      release: () =>
        new Promise((resolve) => {
          server.close(() => {
            closeSync(fd);
            resolve();
          });
        }),
    };
  } catch (error) {
    closeSync(fd);
    throw StoreError.from(directory, error);
  }
}

/** @throws when that cannot be known: lacking access to the socket does not prove that it is stale. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error) => {
      const code = errorCode(error) ?? '';
      if (NOBODY.has(code)) resolve(false);
      else if (code === 'EAGAIN')
        resolve(true); // too many are asking
      else reject(error);
    });
  });
}

function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error) => {
      const taken = 'code' in error && error.code === 'EADDRINUSE';
      reject(taken ? new StoreError('busy', `${path}: another hwerr-exporter started`) : error);
    });
    server.listen(path, () => {
      server.unref();
      resolve(server);
    });
  });
}
