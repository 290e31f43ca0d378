// The core of a process that really died lies in /var/crash beside the dumps: it is none of them,
// whatever kernel.core_pattern calls it.

import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { describe, expect, it } from 'vitest';

import { decodeCommand } from '../../src/cli/decode.ts';
import { eventually } from '../support/system/eventually.ts';
import { run } from '../support/daemon/program.ts';
import { nDecodes, startIngest } from '../support/daemon/running-ingest.ts';
import { tempDir } from '../support/system/temp-dir.ts';

/** core(5): where it is a plain name, the kernel writes the core beside the process. */
const pattern = readFileSync('/proc/sys/kernel/core_pattern', 'utf8').trim();

function coreOfProcess(): Buffer {
  const directory = tempDir();
  const died = spawnSync('sh', ['-c', 'ulimit -c unlimited && kill -SEGV $$'], { cwd: directory });
  expect(died.signal).toBe('SIGSEGV');
  const [core = ''] = readdirSync(directory);
  return readFileSync(join(directory, core));
}

describe.skipIf(/[|/]/.test(pattern))('the core of a process [needs a plain core_pattern]', () => {
  it('is ignored under every name, also one that dumps have', async () => {
    const core = coreOfProcess();
    const directory = tempDir();
    const names = ['core.1', 'vmcore', 'dump.1', 'vmcore.gz', 'vmcore-incomplete'];
    for (const name of names) {
      writeFileSync(join(directory, name), name.endsWith('.gz') ? gzipSync(core) : core);
    }
    const options = { incompleteAfterMs: 0, rescanMs: 100 };
    const running = startIngest([directory], options);
    await nDecodes(running, names.length);
    await eventually('the last answer is taken', () =>
      running.ingest.status().decodesInProgress === 0 ? true : undefined,
    );
    expect(running.failed).toEqual([]);
    expect(running.decoded).toEqual([]);
    expect(running.log.join('\n')).not.toContain('not decoded');
  });

  it('is called so by `decode`', async () => {
    const path = join(tempDir(), 'vmcore');
    writeFileSync(path, coreOfProcess());
    const printed: string[] = [];
    const code = await decodeCommand(
      [path],
      { json: true, excluded: [], symbolPaths: [], askBtf: false, suspectWindowSeconds: 300 },
      {
        print: (text) => printed.push(text),
        complain: () => undefined,
        progress: () => undefined,
        paint: (_, text) => text,
      },
    );
    expect(code).toBe(1);
    const { error } = JSON.parse(printed.join('')) as {
      error: { reason: string; message: string };
    };
    expect(error.reason).toBe('not_a_dump');
    expect(error.message).toContain('core of a process');
  });

  it('is passed over by `decode` of its directory, and by `doctor`', async () => {
    const directory = tempDir();
    writeFileSync(join(directory, 'vmcore'), coreOfProcess());
    expect(await run(['decode', directory])).toEqual({ code: 0, stdout: '', stderr: '' });
    const doctor = ['doctor', '--env-file=/dev/null', `--kdump.path=${directory}`];
    const { stdout } = await run([...doctor, `--ledger.path=${tempDir()}`]);
    expect(stdout).toContain('ok       newest dump: there is none yet\n');
  });
});
