// Locks a ledger for one daemon. The lock is a listening Unix socket in the ledger's directory: the kernel
// closes it however the process ends, and connecting to it shows whether a process is behind it, also from
// another container. (Node has no flock(2), and a PID in a file means nothing there.)

import { closeSync, existsSync, openSync, rmSync } from 'node:fs';
import { type Server, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { errorCode } from '../failure.ts';
import { StoreError } from './store-error.ts';

const SOCKET = 'daemon.sock';
/** There is no socket, or no process behind it. */
const NOBODY: ReadonlySet<string> = new Set(['ENOENT', 'ECONNREFUSED']);

/** The right to write a ledger, until it is released or the process ends. */
export interface Lock {
  release(): Promise<void>;
}

/** Takes the lock. @throws StoreError: `busy`, or why the socket cannot be created. */
export async function lockLedger(directory: string): Promise<Lock> {
  const path = join(directory, SOCKET);
  // A socket path is limited to 107 bytes; by the descriptor the directory's path may be longer.
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

/**
 * Whether a process listens.
 *
 * @throws on any other error: lacking access does not prove that the socket is stale.
 */
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
        resolve(true); // its queue of connections is full
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
