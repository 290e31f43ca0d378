// The C libraries of Debian 11 (glibc 2.31) in a folder, from where this machine gets its packages.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const SOURCES = '/etc/apt/sources.list.d/debian.sources';
const PACKAGES = ['libc6:amd64', 'libstdc++6:amd64', 'libgcc-s1:amd64'];
const LONGEST_MS = 240_000;

interface DebianProgram {
  readonly loader: string;
  readonly args: readonly string[];
}

/** @returns the command that a program of that folder is put behind; undefined: it is not to be had. */
export function debian11(folder: string): DebianProgram | undefined {
  if (!existsSync(SOURCES)) return undefined;
  const [main = ''] = readFileSync(SOURCES, 'utf8').split('\n\n');
  for (const name of ['parts', 'state/lists/partial', 'cache/archives/partial']) {
    mkdirSync(join(folder, name), { recursive: true });
  }
  const suite = main.replace(/^Suites:.*$/m, 'Suites: bullseye');
  writeFileSync(join(folder, 'parts/bullseye.sources'), `${suite}\n`);
  const settings = {
    'Dir::Etc::sourcelist': '/dev/null',
    'Dir::Etc::sourceparts': join(folder, 'parts'),
    'Dir::State': join(folder, 'state'),
    'Dir::State::status': '/dev/null',
    'Dir::Cache': join(folder, 'cache'),
    'APT::Sandbox::User': 'root',
    'Acquire::Retries': '0',
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  try {
    for (const command of [['update'], ['download', ...PACKAGES]]) {
      const args = [...options, '-qq', ...command];
      execFileSync('apt-get', args, { cwd: folder, stdio: 'ignore', timeout: LONGEST_MS });
    }
  } catch {
    return undefined;
  }
  const debs = readdirSync(folder).filter((name) => name.endsWith('.deb'));
  for (const deb of debs) execFileSync('dpkg-deb', ['--extract', join(folder, deb), folder]);
  const libraries = ['lib', 'usr/lib'].map((part) => join(folder, part, 'x86_64-linux-gnu'));
  const loader = join(folder, 'lib/x86_64-linux-gnu/ld-2.31.so');
  return { loader, args: ['--library-path', libraries.join(':')] };
}
