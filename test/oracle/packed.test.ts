/** Whole dumps packed by the programs that Debian's KDUMP_COMPRESSION calls. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect } from 'vitest';

import { decodeFile } from '../../src/decode/decode-file.ts';
import { fixture, fixtureReport } from '../support/dumps/fixtures.ts';
import { tempDir } from '../support/system/temp-dir.ts';
import { needsTool } from '../support/system/tools.ts';

const NAME = 'x86_64-7.3.4.flat-lzo';

/** What is packed by the program, and whether it can be read. */
const PACKERS = [
  { program: 'gzip', isRead: true },
  { program: 'xz', isRead: true },
  { program: 'zstd', isRead: true },
  { program: 'bzip2', isRead: false },
  { program: 'lz4', isRead: false },
] as const;

for (const { program, isRead } of PACKERS) {
  const tool = needsTool(program);
  tool.it(
    `a dump packed by ${program} ${isRead ? 'is read' : 'is named and refused'}`,
    async () => {
      const path = join(tempDir(), 'dump');
      writeFileSync(path, execFileSync(tool.path, ['-c', fixture(NAME)], { maxBuffer: 1 << 26 }));
      const outcome = await decodeFile(path, { symbolPaths: [] });
      if (isRead) {
        const { hwerr, kernelRelease, flattened } = fixtureReport(NAME);
        const compression = [program, 'lzo'];
        const report = { hwerr, kernelRelease, flattened, compression };
        expect(outcome).toMatchObject({ kind: 'report', report });
      } else {
        const failure = { reason: 'unsupported_compression' };
        expect(outcome).toMatchObject({ kind: 'failure', failure });
      }
    },
  );
}
