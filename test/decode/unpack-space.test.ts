// Unpacking where the temporary directory is small, or becomes full. It takes a tmpfs of its own, so root.

import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  createReadStream,
  createWriteStream,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statfsSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { constants, gunzipSync, gzipSync } from 'node:zlib';

import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';

import { decodeFile } from '../../src/decode/decode-file.ts';
import { unpack } from '../../src/decode/unpack.ts';
import { eventually } from '../support/system/eventually.ts';
import { makeFifo } from '../support/system/make-fifo.ts';
import { needsTool } from '../support/system/tools.ts';

const MIB = 1 << 20;
const SIZE = 4 * MIB;
const FOLDER = mkdtempSync(join(tmpdir(), 'hwerr-test-'));
/** The full directory; other files of the tests lie beside it. */
const SPACE = join(FOLDER, 'space');
mkdirSync(SPACE);
const { status } = spawnSync(needsTool('mount').path, [
  '-t',
  'tmpfs',
  '-o',
  `size=${SIZE}`,
  'none',
  SPACE,
]);
const isMounted = status === 0;

const free = (): number => {
  const { bavail, bsize } = statfsSync(SPACE);
  return bavail * bsize;
};

afterEach(() => {
  for (const name of readdirSync(SPACE)) rmSync(join(SPACE, name));
});
afterAll(() => {
  vi.unstubAllEnvs();
  if (isMounted) execFileSync(needsTool('umount').path, ['-l', SPACE]);
  rmSync(FOLDER, { recursive: true, force: true });
});

/** Takes all space but so many bytes. */
function fillUpTo(left: number): void {
  const fd = openSync(join(SPACE, 'other'), 'w');
  try {
    for (let size = free() - left; size > 0; size -= MIB) {
      writeSync(fd, new Uint8Array(Math.min(size, MIB)));
    }
  } finally {
    closeSync(fd);
  }
}

describe.skipIf(!isMounted)('unpacking in little space [needs root and a tmpfs]', () => {
  vi.stubEnv('TMPDIR', SPACE);

  it('stops at half of what is free, and gives it back', async () => {
    const path = join(FOLDER, 'packed');
    writeFileSync(path, gzipSync(new Uint8Array(SIZE / 2 + 1)));
    const outcome = await decodeFile(path, { symbolPaths: [] });
    expect(outcome).toMatchObject({ kind: 'failure', failure: { reason: 'limit_exceeded' } });
    expect(JSON.stringify(outcome)).toContain('takes more space than half of what is free');
    expect([free(), readdirSync(SPACE)]).toEqual([SIZE, []]);
  });

  it.each([0, 4096, 40_000, 100_000])(
    'fails when others leave it only %i bytes more, and gives back what it had',
    async (left) => {
      const fifo = join(FOLDER, `fifo-${left}`);
      makeFifo(fifo);
      const packed = gzipSync(randomBytes(MIB), { level: 0 });
      const unpacking = unpack(fifo, () => createReadStream(fifo), 'gzip').then(
        async ({ file }) => {
          await file.close();
          return 'unpacked';
        },
        (error: unknown) => error,
      );
      const writer = createWriteStream(fifo);
      const head = packed.subarray(0, packed.length - 110_000);
      const { length } = gunzipSync(head, { finishFlush: constants.Z_SYNC_FLUSH });
      writer.write(head);
      await eventually('all that was sent is written', () => SIZE - free() >= length || undefined);
      fillUpTo(left);
      writer.end(packed.subarray(packed.length - 110_000));
      expect(await unpacking).toMatchObject({ reason: 'io' });
      rmSync(join(SPACE, 'other'));
      expect(free()).toBe(SIZE);
    },
  );
});
