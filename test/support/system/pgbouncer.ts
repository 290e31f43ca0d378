// pgbouncer in front of a PostgreSQL of a test's own, on a loopback port. Debian package: pgbouncer.

import { spawn } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { Client } from 'pg';
import { onTestFinished } from 'vitest';

import { exitOf } from '../daemon/program.ts';
import { AS_NOBODY } from './as-nobody.ts';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';
import { tempDir } from './temp-dir.ts';
import { type Tool, needsTool } from './tools.ts';

export const pgbouncerTool: Tool = needsTool('pgbouncer', '/usr/sbin/pgbouncer');

/**
 * Start it inside a test, as Debian's package has it but for who is let in; it does not outlive that.
 *
 * @param url of a database.
 * @returns that of the same database by way of the pooler.
 */
export async function startPgbouncer(
  url: string,
  poolMode: 'session' | 'transaction',
): Promise<string> {
  const folder = tempDir();
  const port = await freePort();
  const { hostname, port: behind, username } = new URL(url);
  const file = join(folder, 'pgbouncer.ini');
  writeFileSync(
    file,
    `[databases]
* = host=${hostname} port=${behind} user=${username}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = ${poolMode}
default_pool_size = ${poolMode === 'session' ? 20 : 2}
`,
  );
  chmodSync(folder, 0o755);
  const bouncer = spawn(pgbouncerTool.path, [file], { ...AS_NOBODY, stdio: 'ignore' });
  onTestFinished(async () => {
    bouncer.kill('SIGKILL');
    await exitOf(bouncer);
  });
  const through = new URL(url);
  through.port = String(port);
  await eventually('pgbouncer answers', async () => {
    const client = new Client(through.href);
    try {
      await client.connect();
      await client.end();
      return true;
    } catch {
      return undefined;
    }
  });
  return through.href;
}
