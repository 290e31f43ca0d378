// A FIFO: what Node cannot make by itself.

import { execFileSync } from 'node:child_process';

export function makeFifo(path: string): void {
  execFileSync('sh', ['-c', 'mkfifo "$0"', path]);
}
