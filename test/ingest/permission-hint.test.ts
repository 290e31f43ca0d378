import { chmodSync, mkdirSync, statSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { FileError } from '../../src/failure.ts';
import { hintOn, howToRead } from '../../src/ingest/permission-hint.ts';
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
        'CAP_DAC_READ_SEARCH',
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

  it('names the server where the path is on NFS, for which no capability counts', async () => {
    const path = join(tempDir(), 'vmcore');
    writeFileSync(path, '', { mode: 0o600 });
    const hint = await howToRead(path, '/dev/null', statfsSync(path).type);
    expect(hint).toMatch(/mode 600: on NFS the server decides; make it readable there/);
    expect(hint).not.toContain('CAP_');
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

describe('hintOn', () => {
  it('says what to do about a directory that its NFS server has replaced', async () => {
    const code = 'Unknown system error -116';
    const stale = Object.assign(new Error(`${code}: ${code}, opendir '/x'`), {
      ...{ errno: -116, code, syscall: 'opendir' },
    });
    expect(await hintOn('/x', FileError.from('/x', stale))).toContain('mount it again');
  });

  it('is about rights where they are missing, and about nothing else', async () => {
    expect(await hintOn('/x', new FileError('permission', '/x: EACCES'))).toContain('CAP_DAC');
    expect(await hintOn('/x', new FileError('io', '/x: EIO', 'EIO'))).toBeUndefined();
  });
});
