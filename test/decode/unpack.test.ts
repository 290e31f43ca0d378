import { execFileSync } from 'node:child_process';
import {
  createReadStream,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { afterAll, describe, expect, it, vi } from 'vitest';

import { FileError } from '../../src/failure.ts';
import { type DecodeOutcome, decodeFile } from '../../src/decode/decode-file.ts';
import { type Packing, packingOf, unpack } from '../../src/decode/unpack.ts';
import { bytesOf, concat, fromHex } from '../support/builders/bytes.ts';
import { kdumpOf, kernel } from '../support/builders/kernel-builder.ts';
import { flatten } from '../support/builders/flattened-builder.ts';
import { tempDir } from '../support/system/temp-dir.ts';
import { needsTool } from '../support/system/tools.ts';
import { zstdEncode } from '../support/builders/zstd-encoder.ts';

const xz = needsTool('xz');
const DUMP = flatten(kdumpOf(kernel({ fillers: 300 })).bytes);

function written(bytes: Uint8Array): string {
  const path = join(tempDir(), 'dump');
  writeFileSync(path, bytes);
  return path;
}

/** As xz itself packs it. */
function xzPacked(bytes: Uint8Array): Uint8Array {
  return execFileSync(xz.path, ['-c', written(bytes)], { maxBuffer: 64 << 20 });
}

/** Where it unpacks to, of these tests alone. */
const SPACE = mkdtempSync(join(tmpdir(), 'hwerr-test-'));
vi.stubEnv('TMPDIR', SPACE);
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(SPACE, { recursive: true, force: true });
});

const leftovers = (): string[] =>
  readdirSync(SPACE).filter((name) => name.startsWith('hwerr-exporter-'));
const unpackFile = (path: string, packing: Packing): Promise<FileHandle> =>
  unpack(path, createReadStream(path), packing);
const decode = (bytes: Uint8Array): Promise<DecodeOutcome> =>
  decodeFile(written(bytes), { symbolPaths: [] });

async function contentOf(file: FileHandle): Promise<Uint8Array> {
  try {
    const bytes = Buffer.alloc((await file.stat()).size);
    await file.read(bytes, 0, bytes.length, 0);
    return bytes;
  } finally {
    await file.close();
  }
}

async function reasonOf(work: Promise<FileHandle>): Promise<string> {
  const error: unknown = await work.then(
    (file) => file.close(),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(FileError);
  return (error as FileError).reason;
}

describe('packingOf', () => {
  it.each([
    ['gzip', fromHex('1f8b0800'), 'gzip'],
    ['xz', fromHex('fd377a585a00'), 'xz'],
    ['zstd', fromHex('28b52ffd0000'), 'zstd'],
    ['bzip2', bytesOf('BZh91A'), undefined],
    ['lz4', fromHex('04224d180000'), undefined],
    ['a dump', bytesOf('KDUMP '), undefined],
    ['nothing', new Uint8Array(0), undefined],
    ['one byte of gzip', fromHex('1f'), undefined],
  ])('says of %s what is read here', (_, head, packing) => {
    expect(packingOf(head)).toBe(packing);
  });
});

describe('unpack', () => {
  const large = concat(...Array.from({ length: 40 }, () => DUMP));

  it('unpacks gzip, in several members too, and leaves no file behind', async () => {
    const path = written(concat(gzipSync(large), gzipSync(DUMP)));
    const file = await unpackFile(path, 'gzip');
    expect(leftovers()).toEqual([]);
    expect(Buffer.compare(await contentOf(file), concat(large, DUMP))).toBe(0);
  });

  xz.it('unpacks xz', async () => {
    const file = await unpackFile(written(xzPacked(large)), 'xz');
    expect(leftovers()).toEqual([]);
    expect(Buffer.compare(await contentOf(file), large)).toBe(0);
  });

  it('unpacks zstd', async () => {
    const file = await unpackFile(written(zstdEncode(DUMP)), 'zstd');
    expect(Buffer.compare(await contentOf(file), DUMP)).toBe(0);
  });

  it('throws truncated when gzip ends early', async () => {
    const packed = gzipSync(large);
    for (const length of [packed.length - 1, packed.length >> 1, 12]) {
      expect(await reasonOf(unpackFile(written(packed.subarray(0, length)), 'gzip'))).toBe(
        'truncated',
      );
    }
    expect(leftovers()).toEqual([]);
  });

  it('throws corrupt when gzip is damaged', async () => {
    const packed = gzipSync(large);
    packed.fill(0x55, 200, 400);
    expect(await reasonOf(unpackFile(written(packed), 'gzip'))).toBe('corrupt');
  });

  xz.it('throws when xz ends early or is damaged', async () => {
    const packed = Uint8Array.from(xzPacked(large));
    const cut = await reasonOf(unpackFile(written(packed.subarray(0, packed.length >> 1)), 'xz'));
    expect(['truncated', 'corrupt']).toContain(cut);
    packed.fill(0x55, 200, 400);
    expect(await reasonOf(unpackFile(written(packed), 'xz'))).toBe('corrupt');
    expect(leftovers()).toEqual([]);
  });
});

describe('decodeFile of a packed dump', () => {
  it('names the packing before the codec of its pages', async () => {
    expect(await decode(gzipSync(DUMP))).toMatchObject({
      kind: 'report',
      report: { compression: ['gzip', 'zlib'], flattened: true, hwerr: { kind: 'present' } },
      parts: [],
    });
  });

  xz.it('decodes xz', async () => {
    const { kind, report } = (await decode(xzPacked(DUMP))) as Extract<
      DecodeOutcome,
      { kind: 'report' }
    >;
    expect([kind, report.compression]).toEqual(['report', ['xz', 'zlib']]);
    expect(report.hwerr.kind).toBe('present');
  });

  it.each([
    ['gzip that ends early', gzipSync(DUMP).subarray(0, 2000), 'truncated'],
    ['gzip of text', gzipSync('no dump at all'), 'not_a_dump'],
    ['gzip of gzip', gzipSync(gzipSync(DUMP)), 'unsupported_compression'],
    ['bzip2', bytesOf('BZh91AY&SY'), 'unsupported_compression'],
    ['lz4', fromHex('04224d18 64400000'), 'unsupported_compression'],
  ])('says of %s why it is no report', async (_, bytes, reason) => {
    expect(await decode(bytes)).toMatchObject({ kind: 'failure', failure: { reason } });
  });

  it('does not write to the file', async () => {
    const path = written(gzipSync(DUMP));
    const before = readFileSync(path);
    await decodeFile(path, { symbolPaths: [] });
    expect(Buffer.compare(readFileSync(path), before)).toBe(0);
  });
});
