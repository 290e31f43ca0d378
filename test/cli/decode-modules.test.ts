// What one decode costs before it begins: loading a module of Node takes 1 to 5 ms of some 60.

import { writeFileSync } from 'node:fs';
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
    const list = join(tempDir(), 'list.mjs');
    writeFileSync(
      list,
      `process.on('exit', () => process._rawDebug(process.moduleLoadList.join('\\n')));`,
    );
    const args = [...command.split(' '), fixture('x86_64-7.3.4.lzo')];
    const { stderr } = await runNode(['--import', list, MAIN, ...args]);
    const loaded = stderr.split('\n').map((line) => line.replace(/^NativeModule /, ''));
    expect(loaded).toContain('zlib');
    expect(NEEDLESS.filter((name) => loaded.includes(name))).toEqual([]);
  },
);
