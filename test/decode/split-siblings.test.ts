import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { decodeCommand } from '../../src/cli/decode.ts';
import { type DecodeOutcome, decodeFile } from '../../src/decode/decode-file.ts';
import { openFileSource } from '../../src/decode/file-source.ts';
import { openSiblings } from '../../src/decode/split-siblings.ts';
import { DEFAULT_LIMITS, openVmcore } from '../../src/vmcore/index.ts';
import { flatRecords, flatten } from '../support/builders/flattened-builder.ts';
import { type BuiltKernel, kdumpOf, kernel } from '../support/builders/kernel-builder.ts';
import { tempDir } from '../support/system/temp-dir.ts';

const BUILT = kernel({ fillers: 300 });
const FIRST = Number(BUILT.physical / 4096n);
const ENDS = [FIRST + 0x10, FIRST + 0x50, FIRST + 0x1000];

function partsOf(built: BuiltKernel): Uint8Array[] {
  return ENDS.map((end, i) => kdumpOf(built, { split: [ENDS[i - 1] ?? 0, end] }).bytes);
}

const PARTS = partsOf(BUILT);

/** The paths of the three parts, each in a directory of the given name. */
function written(directories: readonly string[] = ['', '', ''], parts = PARTS): string[] {
  const root = tempDir();
  return parts.map((bytes, i) => {
    const path = join(root, directories[i]!, `part${i + 1}`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
    return path;
  });
}

function siblings(
  path: string,
  candidates: readonly string[] = [],
  limits = DEFAULT_LIMITS,
): string[] {
  const root = dirname(dirname(path)); // of those in directories of their own too
  const source = openFileSource(path, root);
  const { part } = openVmcore(source);
  const found = openSiblings(path, part!, { candidates, root, limits });
  source.close();
  for (const one of found) one.source.close();
  return found.map((one) => basename(one.path)).sort();
}

const decode = (path: string): Promise<DecodeOutcome> => decodeFile(path, { symbolPaths: [] });

async function printed(
  files: readonly string[],
  json = true,
): Promise<{ code: number; lines: Record<string, unknown>[]; text: string }> {
  let text = '';
  const none = { symbolPaths: [], excluded: [], askBtf: false, suspectWindowSeconds: 300 };
  const print = (piece: string): void => {
    text += piece;
  };
  const terminal = {
    print,
    complain: print,
    progress: () => undefined,
    paint: (_colour: string, text: string): string => text,
  };
  const code = await decodeCommand(files, { json, ...none }, terminal);
  const lines = json
    ? text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>)
    : [];
  return { code, lines, text };
}

describe('openSiblings', () => {
  it('finds the other parts beside a part, whatever they are called', () => {
    const [one, two] = written();
    writeFileSync(join(dirname(one!), 'README.txt'), 'no dump');
    writeFileSync(join(dirname(one!), 'empty'), '');
    expect(siblings(one!)).toEqual(['part2', 'part3']);
    expect(siblings(two!)).toEqual(['part1', 'part3']);
  });

  it('gives each other part a small share of what the dump may take of memory', () => {
    const [one, two, three] = written();
    for (const path of [two!, three!]) writeFileSync(path, flatten(readFileSync(path)));
    const records = flatRecords(readFileSync(two!)).length; // as many in the third
    const limits = { ...DEFAULT_LIMITS, flattenedRecords: 1024 * records };
    expect(siblings(one!, [], limits)).toEqual(['part2', 'part3']);
    expect(siblings(one!, [], { ...limits, flattenedRecords: 1024 * records - 1 })).toEqual([]);
  });

  it('takes no whole dump, no part of another dump, and no link', () => {
    const [one] = written();
    const directory = dirname(one!);
    const other = kernel({
      fillers: 300,
      nodename: 'other',
      editVmcoreinfo: (text) => text.replace(/CRASHTIME=.*/, 'CRASHTIME=7'),
    });
    writeFileSync(join(directory, 'whole'), kdumpOf(BUILT).bytes);
    writeFileSync(join(directory, 'other'), partsOf(other)[1]!);
    symlinkSync('part2', join(directory, 'link'));
    expect(siblings(one!)).toEqual(['part2', 'part3']);
  });

  it('takes candidates from other directories', () => {
    const paths = written(['a', 'b', 'c']);
    expect(siblings(paths[0]!)).toEqual([]);
    expect(siblings(paths[0]!, paths)).toEqual(['part2', 'part3']);
    expect(siblings(paths[0]!, [...paths, join(tempDir(), 'gone')])).toEqual(['part2', 'part3']);
  });
});

describe('decodeFile of a part', () => {
  it('says what the parts say together, whichever is given', async () => {
    const paths = written();
    for (const path of paths) {
      const outcome = await decode(path);
      expect(outcome).toMatchObject({ kind: 'report', parts: paths });
      expect(outcome.kind === 'report' && outcome.report.hwerr.kind).toBe('present');
    }
  });

  it('takes the same part twice for one: a copy', async () => {
    const paths = written();
    copyFileSync(paths[0]!, `${paths[0]!}-copy`);
    const outcome = await decode(paths[1]!);
    expect(outcome.kind === 'report' && outcome.report.hwerr.kind).toBe('present');
  });

  it('says what it lacks when it is alone', async () => {
    const [one] = written(['a', 'b', 'c']);
    expect(await decode(one!)).toMatchObject({
      kind: 'report',
      parts: [],
      report: { hwerr: { kind: 'absent', reason: 'page_lost' }, incomplete: true },
    });
  });
});

describe('decode of the parts of one dump', () => {
  it('prints one object: file is the first part, parts are all of them', async () => {
    const [one, two, three] = written();
    const { code, lines } = await printed([two!, one!, three!]);
    expect(code).toBe(0);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({
      file: one,
      parts: [one, two, three],
      hwerr: { kind: 'present' },
    });
    expect(Object.keys(lines[0]!).slice(1, 3)).toEqual(['file', 'parts']);
  });

  it('prints one object for parts in directories of their own', async () => {
    const [one, two, three] = written(['c', 'b', 'a']);
    const { code, lines } = await printed([three!, two!, one!]);
    expect([code, lines.length]).toEqual([0, 1]);
    expect(lines[0]).toMatchObject({ file: one, parts: [one, two, three] });
  });

  it('prints the others too, each once', async () => {
    const paths = written();
    const whole = join(dirname(paths[0]!), 'whole');
    writeFileSync(whole, kdumpOf(BUILT).bytes);
    const { lines } = await printed([paths[1]!, whole, paths[0]!]);
    expect(lines.map(({ file }) => file)).toEqual([paths[0], whole]);
    expect(lines[1]).not.toHaveProperty('parts');
  });

  it('names all parts for people', async () => {
    const paths = written();
    const { text } = await printed([paths[2]!], false);
    expect(text.split('\n')[1]).toBe(`  file      ${paths.join(' ')}`);
  });
});
