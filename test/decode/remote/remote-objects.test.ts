// Objects that change, and servers that hang, while an object is open.

import { spawn } from 'node:child_process';
import { rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, onTestFinished } from 'vitest';

// As built: a thread is started from its file.
import { decodeFile } from '../../../dist/decode/decode-file.js';
import { RemoteObjects } from '../../../dist/decode/remote/remote-objects.js';
import { nginxTool, startNginx } from '../../support/system/nginx.ts';
import { tempDir } from '../../support/system/temp-dir.ts';

const BLOCK = 64 * 1024;

function remoteObjects(timeoutMs = 20_000): RemoteObjects {
  const objects = new RemoteObjects({ timeoutMs, plainHttp: true });
  onTestFinished(() => objects.close());
  return objects;
}

/** Of so many blocks, each filled with its number and `seed`. */
function content(blocks: number, seed: number): Buffer {
  return Buffer.concat(Array.from({ length: blocks }, (_, i) => Buffer.alloc(BLOCK, i + seed)));
}

nginxTool.describe('RemoteObjects', () => {
  for (const [validator, settings] of [
    ['ETag', ''],
    ['Last-Modified', 'etag off;'],
  ] as const) {
    nginxTool.it(`notices by ${validator} that the object was replaced`, async () => {
      const folder = tempDir();
      const file = join(folder, 'dump');
      writeFileSync(file, content(8, 1));
      utimesSync(file, 1000, 1000);
      const nginx = await startNginx(folder, settings);
      const source = remoteObjects().open(`${nginx.plainUrl}/dump`);
      expect(source.size).toBe(8 * BLOCK);
      expect(source.read(3 * BLOCK, 2)).toEqual(new Uint8Array([4, 4]));
      rmSync(file);
      writeFileSync(file, content(8, 100));
      expect(() => source.read(6 * BLOCK, 2)).toThrow('was replaced while it was read');
      expect(source.currentVersion()).not.toBe(source.version);
    });
  }

  nginxTool.it('gives no report of an object that was replaced', async () => {
    const folder = tempDir();
    const file = join(folder, 'dump');
    writeFileSync(file, Buffer.concat([Buffer.from('\x7fELF'), content(8, 1)]));
    const nginx = await startNginx(folder);
    const objects = remoteObjects();
    const outcome = await decodeFile(`${nginx.plainUrl}/dump`, {
      symbolPaths: [],
      remote: {
        beside: () => [],
        open(path) {
          const source = objects.open(path);
          writeFileSync(file, content(9, 100));
          expect(() => source.read(5 * BLOCK, 1)).toThrow();
          return source;
        },
      },
    });
    expect(outcome).toEqual({ kind: 'changed' });
  });

  nginxTool.it('reads no object of which it could not tell that it was replaced', async () => {
    const folder = tempDir();
    writeFileSync(join(folder, 'dump'), content(2, 1));
    const nginx = await startNginx(folder, 'etag off; add_header Last-Modified "";');
    const open = (): unknown => remoteObjects().open(`${nginx.plainUrl}/dump`);
    expect(open).toThrow('neither ETag nor Last-Modified');
  });

  nginxTool.it('goes on where a server hung, without a second request', async () => {
    const folder = tempDir();
    writeFileSync(join(folder, 'dump'), content(8, 1));
    const nginx = await startNginx(folder);
    const source = remoteObjects().open(`${nginx.plainUrl}/dump`);
    nginx.process.kill('SIGSTOP');
    // The test sleeps in read(): somebody else wakes the server.
    spawn('sh', ['-c', `sleep 1; kill -CONT ${nginx.process.pid}`], { stdio: 'ignore' });
    expect(source.read(5 * BLOCK, 1)).toEqual(new Uint8Array([6]));
    expect(await nginx.requests()).toHaveLength(2);
  });
});
