import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

import { describe, expect, it } from 'vitest';

import { symbolFileNames, symbolFiles } from '../../src/decode/symbol-paths.ts';
import { tempDir } from '../support/system/temp-dir.ts';

const RELEASE = '7.2.13+deb14-loong64';
const BUILD_ID = '0123456789abcdef0123456789abcdef01234567';
const KERNEL = { release: RELEASE, buildId: BUILD_ID };

function directoryWith(...names: readonly string[]): string {
  const directory = tempDir();
  for (const name of names) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), name);
  }
  return directory;
}

/** The names of the files found, relative to the directory. */
function found(
  directory: string,
  kernel: Parameters<typeof symbolFileNames>[0] = KERNEL,
): string[] {
  const files = symbolFiles([directory]);
  try {
    return files.open(kernel).map(({ name }) => relative(directory, name));
  } finally {
    files.close();
  }
}

describe('symbolFiles', () => {
  it.each([
    `System.map-${RELEASE}`,
    `usr/lib/debug/boot/System.map-${RELEASE}`,
    `usr/lib/debug/boot/vmlinux-${RELEASE}`,
    `usr/lib/debug/lib/modules/${RELEASE}/vmlinux`,
    `usr/lib/debug/.build-id/01/${BUILD_ID.slice(2)}.debug`,
    `vmlinux-${RELEASE}`,
    'vmlinux',
  ])('finds %s', (name) => {
    expect(found(directoryWith(name, 'System.map-6.1.0', 'vmlinux-6.1.0'))).toEqual([name]);
  });

  it('finds several, System.map first', () => {
    const directory = directoryWith(`vmlinux-${RELEASE}`, `System.map-${RELEASE}`);
    expect(found(directory)).toEqual([`System.map-${RELEASE}`, `vmlinux-${RELEASE}`]);
  });

  it('takes the path of a file itself', () => {
    const path = join(directoryWith('odd-name'), 'odd-name');
    const files = symbolFiles([path]);
    expect(files.open(KERNEL).map(({ name }) => name)).toEqual([path]);
    files.close();
  });

  it('asks for no build id where the dump has none', () => {
    expect(symbolFileNames({ release: RELEASE, buildId: undefined }).join()).not.toContain(
      'build-id',
    );
  });

  it.each(['../../etc/passwd', '../secret', 'a/../../b', 'x\0y'])(
    'opens nothing for a release that leads elsewhere: %j',
    (release) => {
      const directory = directoryWith('inner/here', 'secret', 'System.map');
      expect(found(join(directory, 'inner'), { release, buildId: undefined })).toEqual([]);
    },
  );

  it('passes over what is no file, or is not there', () => {
    const directory = directoryWith(`System.map-${RELEASE}/file`);
    symlinkSync('nowhere', join(directory, `vmlinux-${RELEASE}`));
    expect(found(directory)).toEqual([]);
    expect(found(join(directory, 'missing'))).toEqual([]);
  });

  it('passes over a file that may not be read, and reads what a link leads to', () => {
    const directory = directoryWith('real', 'vmlinux');
    symlinkSync('real', join(directory, `System.map-${RELEASE}`));
    if (process.getuid?.() !== 0) chmodSync(join(directory, 'vmlinux'), 0);
    expect(found(directory)[0]).toBe(`System.map-${RELEASE}`);
  });

  it('closes every file it opened', () => {
    const files = symbolFiles([directoryWith(`System.map-${RELEASE}`, 'vmlinux')]);
    const sources = files.open(KERNEL).map(({ source }) => source);
    expect(sources).toHaveLength(2);
    files.close();
    for (const source of sources) expect(() => source.read(0, 1)).toThrow('EBADF');
  });
});
