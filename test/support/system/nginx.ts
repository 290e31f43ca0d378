// nginx over a folder: a real web server whose ways can be chosen. Debian package: nginx-light.

import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { onTestFinished } from 'vitest';

import { freePort } from './free-port.ts';
import { exitOf } from '../daemon/program.ts';
import { selfSigned } from '../daemon/certificates.ts';
import { eventually } from './eventually.ts';
import { tempDir } from './temp-dir.ts';
import { type Tool, needsTool } from './tools.ts';

export const nginxTool: Tool = needsTool('nginx');

/** What it was asked. */
interface LoggedRequest {
  readonly status: number;
  readonly uri: string;
  readonly range: string;
  readonly ifMatch: string;
  readonly bytesSent: number;
  /** Number of the connection. */
  readonly connection: string;
}

export interface Nginx {
  readonly url: string;
  readonly plainUrl: string;
  /** For a client that is to trust it. */
  readonly environment: Readonly<Record<string, string>>;
  readonly process: ChildProcess;
  /** What it has answered by now. */
  requests(): Promise<LoggedRequest[]>;
}

/**
 * Start it inside a test; it does not outlive that.
 *
 * @param folder what it serves.
 * @param settings directives of its `server`; `$PLAIN` and `$TLS` stand for its ports.
 * @param globals directives of its `http`.
 */
export async function startNginx(folder: string, settings = '', globals = ''): Promise<Nginx> {
  const own = tempDir();
  selfSigned(own, 'server');
  const [tls, plain] = [await freePort(), await freePort()];
  const ofServer = settings.replaceAll('$PLAIN', `${plain}`).replaceAll('$TLS', `${tls}`);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const config = join(own, 'nginx.conf');
  writeFileSync(
    config,
    `daemon off;
master_process off;
pid ${own}/pid;
error_log ${own}/error.log;
events { worker_connections 64; }
http {
  ${temporary.map((name) => `${name}_temp_path ${own}/${name};`).join('\n  ')}
  log_format asked escape=none '$status|$request_uri|$http_range|$http_if_match|$body_bytes_sent|$connection';
  access_log ${own}/access.log asked;
  ssl_certificate ${own}/server.crt;
  ssl_certificate_key ${own}/server.key;
  ${globals}
  server {
    listen 127.0.0.1:${tls} ssl;
    listen 127.0.0.1:${plain};
    root ${folder};
    ${ofServer}
  }
}
`,
  );
  const child = spawn(nginxTool.path, ['-p', own, '-c', config, '-e', join(own, 'error.log')], {
    stdio: 'ignore',
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exitOf(child);
  });
  const plainUrl = `http://127.0.0.1:${plain}`;
  await eventually('nginx answers', () => {
    if (child.exitCode !== null) throw new Error(readFileSync(join(own, 'error.log'), 'utf8'));
    return answers(`${plainUrl}/no-such-file`);
  });
  return {
    url: `https://localhost:${tls}`,
    plainUrl,
    environment: { NODE_EXTRA_CA_CERTS: join(own, 'server.crt') },
    process: child,
    async requests(): Promise<LoggedRequest[]> {
      // It logs after it has answered, and answers one after the other: what was before this is in the log then.
      await fetch(`${plainUrl}/no-such-file`, { redirect: 'manual' });
      return logged(join(own, 'access.log')).filter(({ uri }) => uri !== '/no-such-file');
    },
  };
}

async function answers(url: string): Promise<true | undefined> {
  try {
    await fetch(url, { redirect: 'manual' });
    return true;
  } catch {
    return undefined;
  }
}

function logged(file: string): LoggedRequest[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [status, uri = '', range = '', ifMatch = '', bytes, connection = ''] = line.split('|');
      return { status: Number(status), uri, range, ifMatch, bytesSent: Number(bytes), connection };
    });
}
