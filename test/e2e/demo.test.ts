import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { expect, it } from 'vitest';

import { runNode } from '../support/daemon/program.ts';
import { startDaemon } from '../support/daemon/running-daemon.ts';
import { tempDir } from '../support/system/temp-dir.ts';

const DEMO = fileURLToPath(new URL('../demo.mjs', import.meta.url));

it('the demo shows the numbers of the fixtures, says where to look, and cleans up', async () => {
  const { code, stdout, stderr } = await runNode([DEMO, '--once', '--port=0']);
  expect([code, stderr]).toEqual([0, '']);
  for (const line of [
    'hwerr_crashes_total 4',
    'hwerr_recoverable_errors_total{category="pci"} 14',
    'hwerr_dumps_without_hwerr_data_total 1',
  ]) {
    expect(stdout).toContain(`\n  ${line}\n`);
  }
  // Of the one crash whose dump says when it happened.
  expect(stdout).toMatch(/\n {2}hwerr_last_suspect_crash_errors\{category="others",.*\} 10\n/);
  const lead = 'hwerr_last_suspect_crash_error_lead_seconds';
  expect(stdout).toMatch(new RegExp(`\\n {2}${lead}\\{category="pci",.*\\} 9\\n`));
  expect(stdout).toMatch(/http:\/\/localhost:\d+\/metrics\n.*http:\/\/localhost:\d+\/\n/);
  const directory = /directory (\S+) holds/.exec(stdout)![1]!;
  expect(existsSync(directory)).toBe(false);
});

it('the demo says so when its port is taken', async () => {
  const { port } = await startDaemon();
  const TMPDIR = tempDir();
  const { code, stdout, stderr } = await runNode([DEMO, '--once', `--port=${port}`], { TMPDIR });
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toContain(`port ${port} is taken`);
  expect(readdirSync(TMPDIR)).toEqual([]);
});
