/** Which Node runs the program and its tests. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { refusal } from '../../src/node-version.ts';

const root = join(import.meta.dirname, '../..');
const MAIN = join(root, 'dist/main.js');

/** A Node of this machine on which the program does not run. */
const older = (process.env['PATH'] ?? '')
  .split(delimiter)
  .map((folder) => join(folder, 'node'))
  .find((node) => {
    const { status, stdout } = spawnSync(node, ['-p', 'process.versions.node'], {
      encoding: 'utf8',
    });
    return status === 0 && refusal(stdout.trim()) !== undefined;
  });

describe('the oldest Node', () => {
  it.each(['18.20.8', '20.20.2', '22.22.0', '24.0.0', '24.14.1'])('%s is refused', (version) => {
    expect(refusal(version)).toContain(
      `this is Node ${version}, and Node 24.15 or later is needed`,
    );
  });

  it.each(['24.15.0', '24.22.3', '25.0.0', '26.12.1', '100.0.0'])('%s will do', (version) => {
    expect(refusal(version)).toBeUndefined();
  });

  it('is the one that package.json tells npm', () => {
    const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      engines: { node: string };
    };
    const [, oldest] = /^>=(\d+\.\d+)$/.exec(engines.node) ?? [];
    expect(refusal('0.0.0')).toContain(`Node ${oldest} or later`);
  });
});

it('the tests run on a Node that will do, whatever the one of the machine is', () => {
  expect(refusal(process.versions.node)).toBeUndefined();
});

describe.skipIf(older === undefined)('on an older Node [needs one on the PATH]', () => {
  it.each([[[]], [['decode', 'x']], [['--help']]])(
    'the program says in one line which it needs and exits with 2: %j',
    (args) => {
      const { status, stdout, stderr } = spawnSync(older!, [MAIN, ...args], { encoding: 'utf8' });
      expect(stderr).toMatch(/^hwerr-exporter: this is Node \S+, and Node 24\.15 or later .*\n$/);
      expect(stdout).toBe('');
      expect(status).toBe(2);
    },
  );
});
