import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const rulesFile = join(root, 'test/architecture/dependency-cruiser.mjs');

interface Cruise {
  readonly modules: readonly { readonly source: string }[];
  readonly summary: {
    readonly violations: readonly {
      readonly from: string;
      readonly rule: { readonly name: string };
    }[];
    readonly ruleSetUsed: { readonly forbidden: readonly { name: string; comment?: string }[] };
  };
}

/** Runs dependency-cruiser over the `src` folder in `folder`, exactly as `npm run arch` does. */
function cruise(folder: string): Cruise {
  const program = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs');
  const args = [program, 'src', '--config', rulesFile, '--output-type', 'json'];
  const json = execFileSync(process.execPath, args, {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  return JSON.parse(json) as Cruise;
}

/** Paths below `folder`, relative to it, of its TypeScript files. */
function typescriptIn(folder: string): string[] {
  const path = join(root, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .sort();
}

function textOf(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

function withoutComments(path: string): string {
  return textOf(path).replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
}

describe('import rules', () => {
  const { violations, ruleSetUsed } = cruise(join(root, 'test/architecture/violations')).summary;

  it('each bite on the deliberate violations and say why they exist', () => {
    const broken = new Set(violations.map((violation) => violation.rule.name));
    const silent = ruleSetUsed.forbidden.filter((rule) => !broken.has(rule.name));
    expect(silent).toEqual([]);
    expect(ruleSetUsed.forbidden.filter((rule) => !rule.comment)).toEqual([]);
  });

  it('bite on the file that is named after them', () => {
    const names = new Set(ruleSetUsed.forbidden.map((rule) => rule.name));
    const found = new Set(violations.map(({ from, rule }) => `${from} breaks ${rule.name}`));
    const spared = typescriptIn('test/architecture/violations/src')
      .map((path) => ({ from: `src/${path}`, rule: path.replace(/^.*\/|\.ts$/g, '') }))
      .filter(({ from, rule }) => names.has(rule) && !found.has(`${from} breaks ${rule}`));
    expect(spared).toEqual([]);
  });

  it('see every file of src', () => {
    const cruised = cruise(root).modules.filter(({ source }) => source.startsWith('src/'));
    expect(cruised.length).toBeGreaterThanOrEqual(typescriptIn('src').length);
  });
});

describe('src/vmcore', () => {
  const files = typescriptIn('src/vmcore');

  it('has no clock, chance, timer, console, process or Buffer', () => {
    const impure =
      /\bprocess\.|\bBuffer\b|\bDate\.now\b|\bMath\.random\b|\bsetTimeout\b|\bconsole\./;
    const found = files.filter((file) => impure.test(withoutComments(`src/vmcore/${file}`)));
    expect(found).toEqual([]);
  });

  it('has a test file for every file', () => {
    /** Nothing to test alone: types and constants. */
    const exceptions = [
      'arch/architecture.ts',
      'container/dump.ts',
      'elf/elf-constants.ts',
      'memory/physical-memory.ts',
      'printk/record.ts',
      'printk/syslog.ts',
      'report.ts',
      'symbols/symbol-source.ts',
    ];
    const tests = typescriptIn('test/vmcore');
    const untested = files.filter((file) => !tests.includes(file.replace(/\.ts$/, '.test.ts')));
    expect(untested.filter((file) => !exceptions.includes(file))).toEqual([]);
  });
});

describe('eslint-disable', () => {
  const files = ['src', 'test'].flatMap((folder) =>
    typescriptIn(folder).map((file) => join(folder, file)),
  );

  it('always comes with its reason', () => {
    const unexplained = files.filter((file) =>
      textOf(file)
        .split('\n')
        .some((line) => /(\/\/|\/\*) eslint-disable/.test(line) && !/ -- \S/.test(line)),
    );
    expect(unexplained).toEqual([]);
  });
});

describe('package.json', () => {
  type Versions = Readonly<Record<string, string>>;
  const { dependencies, devDependencies } = JSON.parse(textOf('package.json')) as {
    readonly dependencies: Versions;
    readonly devDependencies: Versions;
  };

  /** One decision each; a new one needs its reason in the commit that adds it. */
  const decided = [
    ...['@aws-sdk/client-s3', '@aws-sdk/s3-request-presigner'],
    ...['chokidar', 'commander', 'express', 'hash-wasm', 'helmet', 'hysnappy'],
    ...['pg', 'pg-connection-string', 'prom-client', 'xz-decompress', 'yaml', 'zod'],
  ];

  it('has no runtime dependency beyond the decided ones', () => {
    expect(decided).toEqual(expect.arrayContaining(Object.keys(dependencies)));
  });

  const { 'node-for-development': ours, ...others } = devDependencies;
  const { optionalDependencies: nodes } = JSON.parse(textOf('test/node/package.json')) as {
    readonly optionalDependencies: Versions;
  };

  it('has one development dependency of its own, the Node of its scripts', () => {
    expect(ours).toBe('file:test/node');
  });

  it.each(Object.entries({ ...dependencies, ...others, ...nodes }))(
    'pins %s to one exact version',
    (_name, version) => {
      expect(version).toMatch(/^\d+\.\d+\.\d+$/);
    },
  );

  it('has a lock file that names no registry host', () => {
    const resolved = textOf('package-lock.json').match(/"resolved": ".*"/g);
    expect(resolved).toEqual(['"resolved": "test/node"']);
  });
});
