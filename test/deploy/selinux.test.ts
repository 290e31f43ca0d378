/** deploy/selinux: that it is a policy module. No test runs under SELinux. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { FLAGS } from '../../src/config.ts';
import { tempDir } from '../support/system/temp-dir.ts';
import { needsTool } from '../support/system/tools.ts';
import { ROOT } from './processes.ts';

const MODULE = join(ROOT, 'deploy/selinux');
const policy = needsTool('selinux-policy-dev', '/usr/share/selinux/devel/include');
const UNIT = readFileSync(join(ROOT, 'deploy/systemd/hwerr-exporter.service'), 'utf8');

policy.it('the SELinux module compiles with the reference policy', () => {
  expect(compiled((text) => text)).toBe(true);
  expect(compiled((text) => text.replace('type hwerr_exporter_exec_t;\n', ''))).toBe(false);
});

it('the SELinux module lets the unit have what its capability and its directories are for', () => {
  const rules = readFileSync(join(MODULE, 'hwerr_exporter.te'), 'utf8');
  const [, capability = 'none'] = /^CapabilityBoundingSet=CAP_(\w+)$/m.exec(UNIT) ?? [];
  expect(rules).toContain(`allow hwerr_exporter_t self:capability ${capability.toLowerCase()};`);
  const contexts = readFileSync(join(MODULE, 'hwerr_exporter.fc'), 'utf8');
  expect(contexts).toContain(
    `${FLAGS.ledgerPath.defaultText}(/.*)?\t\tgen_context(system_u:object_r:hwerr_exporter_var_lib_t,s0)`,
  );
});

/** Whether the module compiles with its rules changed. */
function compiled(change: (text: string) => string): boolean {
  const folder = tempDir();
  cpSync(MODULE, folder, { recursive: true });
  const rules = join(folder, 'hwerr_exporter.te');
  writeFileSync(rules, change(readFileSync(rules, 'utf8')));
  const args = ['-f', '/usr/share/selinux/devel/Makefile', 'hwerr_exporter.pp'];
  const { status } = spawnSync('make', args, { cwd: folder, stdio: 'ignore' });
  return status === 0 && existsSync(join(folder, 'hwerr_exporter.pp'));
}
