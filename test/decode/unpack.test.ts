import { execFileSync } from 'node:child_process';
import {
  createReadStream,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';

import { afterAll, describe, expect, it, vi } from 'vitest';

import { FileError } from '../../src/failure.ts';
import { type DecodeOutcome, decodeFile } from '../../src/decode/decode-file.ts';
import { type Packing, packingOf } from '../../src/decode/packing.ts';
import { type Unpacked, unpack } from '../../src/decode/unpack.ts';
import { bytesOf, concat, fromHex, noise } from '../support/builders/bytes.ts';
import { CRASH_TIME, kdumpOf, kernel } from '../support/builders/kernel-builder.ts';
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
const unpackFile = (path: string, packing: Packing): Promise<Unpacked> =>
  unpack(path, (length = Infinity) => createReadStream(path, { end: length - 1 }), packing);
const decode = (bytes: Uint8Array): Promise<DecodeOutcome> =>
  decodeFile(written(bytes), { symbolPaths: [] });

async function contentOf({ file }: Unpacked): Promise<Uint8Array> {
  try {
    const bytes = Buffer.alloc((await file.stat()).size);
    await file.read(bytes, 0, bytes.length, 0);
    return bytes;
  } finally {
    await file.close();
  }
}

async function reasonOf(work: Promise<Unpacked>): Promise<string> {
  const error: unknown = await work.then(
    ({ file }) => file.close(),
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

  it('throws truncated when gzip ends before there is anything', async () => {
    const packed = gzipSync(large).subarray(0, 12);
    expect(await reasonOf(unpackFile(written(packed), 'gzip'))).toBe('truncated');
    expect(leftovers()).toEqual([]);
  });

  const random = noise(1 << 20);
  it.each(['gzip', 'zstd'] as const)(
    'keeps what was unpacked when %s ends early',
    async (packing) => {
      const packed = packing === 'gzip' ? gzipSync(random) : zstdCompressSync(random);
      for (const length of [packed.length - 1, packed.length >> 1]) {
        const unpacked = await unpackFile(written(packed.subarray(0, length)), packing);
        expect(unpacked.isCut).toBe(true);
        const content = await contentOf(unpacked);
        expect(content.length).toBeGreaterThan(length / 2);
        expect(Buffer.compare(content, random.subarray(0, content.length))).toBe(0);
      }
      expect(leftovers()).toEqual([]);
    },
  );

  xz.it('keeps what was unpacked when xz ends early', async () => {
    const packed = xzPacked(random);
    const cut = packed.subarray(0, packed.length >> 1);
    const unpacked = await unpackFile(written(cut), 'xz');
    expect(unpacked.isCut).toBe(true);
    expect((await contentOf(unpacked)).length).toBeGreaterThan(cut.length / 2);
  });

  it.each(['gzip', 'zstd'] as const)(
    'makes up nothing out of the zeros where a copy of %s broke off',
    async (packing) => {
      const whole = packing === 'gzip' ? DUMP : random;
      const packed = packing === 'gzip' ? gzipSync(whole) : zstdCompressSync(whole);
      packed.fill(0, packed.length >> 1);
      const unpacked = await unpackFile(written(packed), packing);
      const content = await contentOf(unpacked);
      expect(unpacked.isCut).toBe(true);
      expect(Buffer.compare(content, whole.subarray(0, content.length))).toBe(0);
    },
  );

  /** What is unpacked of it where a hole of each size is in its middle. */
  async function keepsWhatComesBefore(packing: Packing, packed: Uint8Array): Promise<void> {
    for (const size of [512, 4096, 100_000]) {
      const at = packed.length >> 1;
      const holed = Uint8Array.from(packed).fill(0, at, at + size);
      const unpacked = await unpackFile(written(holed), packing);
      const content = await contentOf(unpacked);
      expect([size, unpacked.isCut]).toEqual([size, true]);
      expect(content.length).toBeGreaterThan(random.length / 4);
      expect(Buffer.compare(content, random.subarray(0, content.length))).toBe(0);
    }
    expect(leftovers()).toEqual([]);
  }

  it.each([
    ['gzip', gzipSync(random)],
    // As the program packs; without a checksum nothing tells of a hole in a block that is stored as it is.
    ['zstd', zstdCompressSync(random, { params: { [constants.ZSTD_c_checksumFlag]: 1 } })],
  ] as const)('keeps what comes before a hole in %s', keepsWhatComesBefore);

  xz.it('keeps what comes before a hole in xz', () => keepsWhatComesBefore('xz', xzPacked(random)));

  it('unpacks zeros that belong to it', async () => {
    const content = concat(new Uint8Array(300_000), bytesOf('end'));
    const stored = gzipSync(content, { level: 0 });
    expect(await contentOf(await unpackFile(written(stored), 'gzip'))).toEqual(
      Buffer.from(content),
    );
  });

  xz.it('throws unsupported_compression for what the decoder of xz has not', async () => {
    for (const options of [['--check=sha256'], ['--x86', '--lzma2'], ['--lzma2=dict=128MiB']]) {
      const packed = execFileSync(xz.path, ['-c', ...options, written(DUMP)]);
      expect(await reasonOf(unpackFile(written(packed), 'xz'))).toBe('unsupported_compression');
    }
  });

  it('throws unsupported_compression for zstd with a window over 128 MiB', async () => {
    // Magic; a frame without size or checksum; a window of 2 GiB; a last raw block of nothing.
    const frame = fromHex('28b52ffd 00 a8 010000');
    expect(await reasonOf(unpackFile(written(frame), 'zstd'))).toBe('unsupported_compression');
  });

  it('throws corrupt when gzip is damaged', async () => {
    const packed = gzipSync(large);
    packed.fill(0x55, 200, 400);
    expect(await reasonOf(unpackFile(written(packed), 'gzip'))).toBe('corrupt');
  });

  xz.it('throws corrupt when xz is damaged', async () => {
    const packed = Uint8Array.from(xzPacked(large));
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

  it('decodes all that gzip holds when it ends early, and says that it is incomplete', async () => {
    const packed = gzipSync(DUMP);
    for (let cut = 1; cut <= 8; cut++) {
      expect(await decode(packed.subarray(0, -cut)), `${cut} bytes less`).toMatchObject({
        kind: 'report',
        report: { compression: ['gzip', 'zlib'], incomplete: true, hwerr: { kind: 'present' } },
      });
    }
  });

  it('decodes what gzip holds when something else follows, and says that it is incomplete', async () => {
    const built = kernel({ fillers: 300, log: { countBits: 12, sizeBits: 20, records: [] } });
    const packed = gzipSync(kdumpOf(built, { codec: 'raw' }).bytes);
    const behind = Buffer.concat([packed, Buffer.from('something else, that was appended')]);
    expect(await decode(behind)).toMatchObject({
      kind: 'report',
      report: { incomplete: true, crashTimeSeconds: CRASH_TIME },
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
    ['gzip that ends before anything else', gzipSync(DUMP).subarray(0, 12), 'truncated'],
    ['gzip that ends in the headers of a dump', gzipSync(DUMP).subarray(0, 40), 'truncated'],
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
