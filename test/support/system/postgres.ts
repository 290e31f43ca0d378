// A PostgreSQL of the test's own: a cluster in a temporary folder, on a Unix socket and a loopback port, as
// a user without rights. Debian package: postgresql.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { exitOf } from '../daemon/program.ts';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';
import { type Tool, needsTool } from './tools.ts';

const VERSIONS = '/usr/lib/postgresql';
export const postgresTool: Tool = needsTool('postgres', join(programs(), 'postgres'));

/** The server refuses to run as root. */
const NOBODY = 65534;
const isRoot = process.getuid?.() === 0;
const AS_NOBODY = isRoot ? { uid: NOBODY, gid: NOBODY } : {};
const USER = 'collector';

export interface PostgresServer {
  /** Of an empty database of its own, each time. */
  database(): string;
  /** Answers of statements by psql, a line a row. */
  sql(url: string, text: string): string[];
  /** Its first process. */
  readonly process: () => ChildProcess;
  /** Of its socket, and of its files. */
  readonly folder: string;
  /** Of TCP. */
  readonly port: number;
  /** To all of its processes. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void;
  /** At once, as by a power cut: what is committed is on the disk. */
  kill(): Promise<void>;
  /** On the same files and the same port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

function programs(): string {
  try {
    const [newest = ''] = readdirSync(VERSIONS).sort((a, b) => Number(b) - Number(a));
    return join(VERSIONS, newest, 'bin');
  } catch {
    return join(VERSIONS, '15', 'bin');
  }
}

/**
 * Resolves when it answers.
 *
 * @param settings of postgresql.conf, as `name=value`.
 * @param tcp the line of pg_hba.conf for whoever comes over TCP; without it everybody is let in.
 */
export async function startPostgres(
  settings: readonly string[] = [],
  tcp?: string,
): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), 'hwerr-postgres-'));
  const data = join(folder, 'data');
  mkdirSync(data);
  if (isRoot) for (const path of [folder, data]) chownSync(path, NOBODY, NOBODY);
  const run = (program: string, ...args: string[]): string =>
    execFileSync(join(programs(), program), args, {
      ...AS_NOBODY,
      cwd: folder,
      env: { PATH: process.env['PATH'] },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  run('initdb', '--pgdata', data, '--username', USER, '--auth=trust', '--no-sync', '-E', 'UTF8');
  if (tcp !== undefined) {
    writeFileSync(join(data, 'pg_hba.conf'), `local all all trust\n${tcp}\n`);
  }
  const port = await freePort();
  const given = [`unix_socket_directories=${folder}`, 'listen_addresses=127.0.0.1', ...settings];
  const start = (): ChildProcess =>
    spawn(
      join(programs(), 'postgres'),
      ['-D', data, '-p', `${port}`, ...given.flatMap((one) => ['-c', one])],
      { ...AS_NOBODY, cwd: folder, stdio: 'ignore' },
    );
  let server = start();
  const answers = (): Promise<true> =>
    eventually('PostgreSQL answers', () => {
      if (server.exitCode !== null) throw new Error('PostgreSQL ended');
      try {
        run('pg_isready', '-h', folder, '-p', `${port}`, '-d', 'postgres', '-U', USER, '-q');
        return true;
      } catch {
        return undefined;
      }
    });
  const kill = async (): Promise<void> => {
    server.kill('SIGCONT');
    server.kill('SIGQUIT');
    await exitOf(server);
  };
  const stop = async (): Promise<void> => {
    await kill();
    rmSync(folder, { recursive: true, force: true });
  };
  let databases = 0;
  const sql = (url: string, text: string): string[] =>
    run('psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', url, '-c', text)
      .split('\n')
      .filter((line) => line !== '');
  await answers().catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return {
    folder,
    database(): string {
      const name = `ledger${databases++}`;
      run('createdb', '-h', folder, '-p', `${port}`, '-U', USER, name);
      return `postgres://${USER}@127.0.0.1:${port}/${name}`;
    },
    sql,
    process: () => server,
    port,
    signal(signal): void {
      const first = server.pid!;
      const children = readFileSync(`/proc/${first}/task/${first}/children`, 'utf8');
      for (const pid of [first, ...children.trim().split(' ').map(Number)]) {
        try {
          process.kill(pid, signal);
        } catch {
          // it has ended
        }
      }
    },
    kill,
    async restart(): Promise<void> {
      server = start();
      await answers();
    },
    stop,
  };
}
