// What one decode costs before it begins: loading a module of Node takes 1 to 5 ms of some 60.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { MAIN, runNode } from '../support/daemon/program.ts';
import { fixture } from '../support/dumps/fixtures.ts';
import { tempDir } from '../support/system/temp-dir.ts';

/** Of the server, of what is packed, of directories and of the ledger. */
const NEEDLESS = ['crypto', 'fs/promises', 'http', 'readline', 'sqlite', 'timers/promises'];

it.each(['decode', 'decode --json'])(
  '%s of a file loads no module of Node that only others need',
  async (command) => {
    const folder = tempDir();
    const [list, names] = [join(folder, 'list.mjs'), join(folder, 'names')];
    writeFileSync(
      list,
      `import { writeFileSync } from 'node:fs';
process.on('exit', () => writeFileSync(${JSON.stringify(names)}, process.moduleLoadList.join('\\n')));`,
    );
    const args = [...command.split(' '), fixture('x86_64-7.3.4.lzo')];
    await runNode(['--import', list, MAIN, ...args]);
    const lines = readFileSync(names, 'utf8').split('\n');
    const loaded = lines.map((line) => line.replace(/^NativeModule /, ''));
    expect(loaded).toContain('zlib');
    expect(NEEDLESS.filter((name) => loaded.includes(name))).toEqual([]);
  },
);
