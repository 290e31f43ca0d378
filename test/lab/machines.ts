// Every architecture the lab can run, and the one it is to run.

import { arm64 } from './arm64.ts';
import { i386 } from './i386.ts';
import type { Machine } from './machine.ts';
import { ppc64le } from './ppc64le.ts';
import { riscv64 } from './riscv64.ts';
import { s390x } from './s390x.ts';
import { x86_64 } from './x86_64.ts';

const MACHINES: readonly Machine[] = [x86_64, arm64, i386, ppc64le, riscv64, s390x];

const wanted = process.env['HWERR_LAB_ARCH'] ?? 'x86_64';

/** @throws where HWERR_LAB_ARCH names none. */
function machine(): Machine {
  const found = MACHINES.find(({ name }) => name === wanted);
  if (found !== undefined) return found;
  const names = MACHINES.map(({ name }) => name).join(', ');
  throw new Error(`HWERR_LAB_ARCH=${wanted}: the lab has ${names}`);
}

export const MACHINE: Machine = machine();
