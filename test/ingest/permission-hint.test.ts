import { chmodSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { howToRead } from '../../src/ingest/permission-hint.ts';
import { asNobody } from '../support/system/as-nobody.ts';
import { tempDir } from '../support/system/temp-dir.ts';

describe('howToRead', () => {
  it('names the capability where the group may not read either', async () => {
    const path = join(tempDir(), 'vmcore');
    writeFileSync(path, '');
    chmodSync(path, 0o600);
    const { uid, gid } = statSync(path);
    expect(await howToRead(path)).toBe(
      `${path} belongs to user ${uid}, group ${gid}, mode 600: give the exporter the capability ` +
        `CAP_DAC_READ_SEARCH (on NFS with root_squash: its owner's user id)`,
    );
  });

  it('names the group where that may', async () => {
    const path = join(tempDir(), 'vmcore');
    writeFileSync(path, '');
    chmodSync(path, 0o640);
    expect(await howToRead(path)).toMatch(
      /group \d+, mode 640: give the exporter that group, or the capability CAP_DAC_READ_SEARCH$/,
    );
  });

  it('names the file of AppArmor where that confines the service, and nobody else', async () => {
    const folder = tempDir();
    const [path, label] = [join(folder, 'vmcore'), join(folder, 'current')];
    writeFileSync(path, '');
    const hintUnder = (confinement: string): Promise<string> => {
      writeFileSync(label, confinement);
      return howToRead(path, label);
    };
    expect(await hintUnder('hwerr-exporter (enforce)\n')).toMatch(
      /; and AppArmor confines it: allow the path in \/etc\/apparmor\.d\/local\/hwerr-exporter$/,
    );
    for (const other of [
      'hwerr-exporter (complain)\n',
      'docker-default (enforce)\n',
      'unconfined\n',
    ]) {
      expect(await hintUnder(other)).not.toContain('AppArmor');
    }
  });

  it('names the directory that is in the way', async () => {
    const base = tempDir();
    chmodSync(base, 0o777);
    await asNobody(async () => {
      const closed = join(base, 'closed');
      mkdirSync(join(closed, 'host'), { recursive: true });
      writeFileSync(join(closed, 'host', 'vmcore'), '');
      chmodSync(closed, 0);
      const hint = await howToRead(join(closed, 'host', 'vmcore'));
      expect(hint).toContain(`${closed} belongs to user`);
      expect(hint).toContain('mode 0: give the exporter the capability');
    });
  });
});
