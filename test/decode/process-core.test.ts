// The core of a process that really died lies in /var/crash beside the dumps: it is none of them.

import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { decodeFile } from '../../src/decode/decode-file.ts';
import { tempDir } from '../support/system/temp-dir.ts';

/** core(5): where it is a plain name, the kernel writes the core beside the process. */
const pattern = readFileSync('/proc/sys/kernel/core_pattern', 'utf8').trim();

describe.skipIf(/[|/]/.test(pattern))('the core of a process [needs a plain core_pattern]', () => {
  it('is not a dump', async () => {
    const directory = tempDir();
    const died = spawnSync('sh', ['-c', 'ulimit -c unlimited && kill -ABRT $$'], {
      cwd: directory,
    });
    expect(died.signal).toBe('SIGABRT');
    const [core = ''] = readdirSync(directory);
    const outcome = await decodeFile(join(directory, core), { symbolPaths: [] });
    expect(outcome).toMatchObject({ kind: 'failure', failure: { reason: 'not_a_dump' } });
    expect(JSON.stringify(outcome)).toContain('core of a process');
  });
});
