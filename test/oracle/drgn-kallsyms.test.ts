/**
 * The counters as drgn reads them by the dump's own kallsyms. Debian 12's drgn 0.0.22 has no helper for
 * that, and 0.0.31 one that does not know the tables of Linux 7: it takes 0.1.0 or later, so that
 * these tests are skipped by name where .ci/run runs.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import { bytesSource, decodeVmcore } from '../../src/vmcore/index.ts';
import { sharedVmcores } from '../support/dumps/shared-vmcores.ts';

const PYTHON = '/usr/bin/python3';
const SCRIPT = fileURLToPath(new URL('read_counters.py', import.meta.url));

interface Read {
  readonly categories: readonly (readonly [count: number, seconds: number])[];
  readonly bootId: string;
}

/** @throws Error with what drgn says when it cannot read the dump. */
function byDrgn(path: string): Read {
  const { status, stdout, stderr } = spawnSync(PYTHON, [SCRIPT, path], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Read;
}

/** Dumps of little-endian kernels with a note and with all of their kallsyms. */
const DUMPS = [
  'x86_64-7.3.4-whole.zlib',
  ...['elf', 'raw', 'zlib', 'lzo', 'zstd'].map((form) => `x86_64-7.3.4.${form}`),
  'arm64-7.3.4.elf',
];

const shared = sharedVmcores();
const hasHelper = spawnSync(PYTHON, [SCRIPT]).status === 0;

describe.skipIf(!hasHelper || shared === undefined)(
  'counters by drgn and by us [needs drgn 0.1 and ../shared/vmcores]',
  () => {
    it.each(DUMPS)('%s: the same', (name) => {
      const path = join(shared ?? '', name);
      expect(existsSync(path)).toBe(true);
      const { hwerr, bootId } = decodeVmcore(bytesSource(readFileSync(path)));
      const ours =
        hwerr.kind === 'present' &&
        hwerr.categories.map(({ count, lastErrorTimestampSeconds }) => [
          count,
          lastErrorTimestampSeconds ?? 0,
        ]);
      const their = byDrgn(path);
      expect(ours).toEqual(their.categories);
      expect(their.categories.some(([count]) => count > 0)).toBe(true);
      expect(bootId?.replaceAll('-', '')).toBe(their.bootId);
    });
  },
);
