// OpenStack Swift with its S3 interface: a real object store of four processes on the loopback.
// Debian packages: swift-proxy, swift-account, swift-container, swift-object.

import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { S3Client } from '@aws-sdk/client-s3';

import { exitOf } from '../daemon/program.ts';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';
import { type Tool, needsTool } from './tools.ts';

export const swiftTool: Tool = needsTool('swift-proxy-server');

const KINDS = ['account', 'container', 'object'] as const;
const USER = 'test:tester';
const PASSWORD = 'testing';

export interface Swift {
  /** What a client of it has in its environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** To fill it with. */
  readonly client: S3Client;
  /** Its processes, the proxy first. */
  readonly processes: readonly ChildProcess[];
  /** Starts one of them again that was killed. */
  restart(process: number): void;
  /** Lists what was put while the container server was away: an object is in no list before that is done. */
  update(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts an empty store; resolves when all of it answers. */
export async function startSwift(): Promise<Swift> {
  const folder = mkdtempSync(join(tmpdir(), 'hwerr-swift-'));
  const proxyPort = await freePort();
  const ports = await Promise.all(KINDS.map(() => freePort()));
  for (const [i, kind] of KINDS.entries()) {
    mkdirSync(join(folder, 'disk', kind), { recursive: true });
    write(folder, kind, ports[i], `${kind}-server`, [
      `[app:${kind}-server]`,
      `use = egg:swift#${kind}`,
      ...(kind === 'object' ? ['[object-updater]', `recon_cache_path = ${folder}`] : []),
    ]);
  }
  const rings = KINDS.flatMap((kind, i) => [kind, `${ports[i]}`]);
  execFileSync('/usr/bin/python3', ['-c', MAKE_RINGS, folder, ...rings], { stdio: 'pipe' });
  write(folder, 'proxy', proxyPort, 'catch_errors gatekeeper cache s3api tempauth proxy-server', [
    '[app:proxy-server]',
    'use = egg:swift#proxy',
    'account_autocreate = true',
    ...['catch_errors', 'gatekeeper'].flatMap((name) => [
      `[filter:${name}]`,
      `use = egg:swift#${name}`,
    ]),
    '[filter:cache]',
    'use = egg:swift#memcache',
    `memcache_servers = 127.0.0.1:1`, // it is asked for, and none is needed
    '[filter:s3api]',
    'use = egg:swift#s3api',
    's3_acl = false',
    '[filter:tempauth]',
    'use = egg:swift#tempauth',
    `user_${USER.replace(':', '_')} = ${PASSWORD} .admin`,
  ]);
  const programs = ['proxy', ...KINDS];
  const started: ChildProcess[] = [];
  const start = (kind: string): ChildProcess => {
    const config = join(folder, `${kind}.conf`);
    const child = spawn(`swift-${kind}-server`, [config], { stdio: 'ignore' });
    started.push(child);
    return child;
  };
  const processes = programs.map(start);
  /** What still writes while its folder is removed would keep that from being empty. */
  const stop = async (): Promise<void> => {
    for (const process of processes) process.kill('SIGKILL');
    await Promise.all(started.map(exitOf));
    rmSync(folder, { recursive: true, force: true });
  };
  const endpoint = `http://127.0.0.1:${proxyPort}`;
  const environment = {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: USER,
    AWS_SECRET_ACCESS_KEY: PASSWORD,
  };
  const client = new S3Client({
    endpoint,
    region: environment.AWS_REGION,
    credentials: { accessKeyId: USER, secretAccessKey: PASSWORD },
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  try {
    await eventually('Swift answers', () => answer([proxyPort, ...ports]));
  } catch (error) {
    await stop();
    throw error;
  }
  const restart = (process: number): void => {
    processes[process] = start(programs[process]!);
  };
  const update = async (): Promise<void> => {
    await promisify(execFile)('swift-object-updater', [join(folder, 'object.conf'), 'once']);
  };
  return { environment, client, processes, restart, update, stop };
}

async function answer(ports: readonly (number | undefined)[]): Promise<true | undefined> {
  try {
    await Promise.all(ports.map((port) => fetch(`http://127.0.0.1:${port}/`)));
    return true;
  } catch {
    return undefined;
  }
}

/** A ring each: one part, one replica, on the one disk. */
const MAKE_RINGS = `
import sys
from swift.common.ring import RingBuilder
folder, *kinds = sys.argv[1:]
for kind, port in zip(kinds[::2], kinds[1::2]):
    builder = RingBuilder(1, 1, 0)
    disk = {'region': 1, 'zone': 1, 'ip': '127.0.0.1', 'port': int(port), 'device': kind, 'weight': 1}
    builder.add_dev({**disk, 'replication_ip': '127.0.0.1', 'replication_port': int(port), 'meta': ''})
    builder.rebalance()
    builder.get_ring().save(f'{folder}/{kind}.ring.gz')
`;

function write(
  folder: string,
  kind: string,
  port: number | undefined,
  pipeline: string,
  sections: readonly string[],
): void {
  const lines = [
    '[DEFAULT]',
    'bind_ip = 127.0.0.1',
    `bind_port = ${port}`,
    `user = ${userInfo().username}`,
    `swift_dir = ${folder}`,
    `devices = ${join(folder, 'disk')}`,
    'mount_check = false',
    'workers = 0',
    '[pipeline:main]',
    `pipeline = ${pipeline}`,
    ...sections,
  ];
  writeFileSync(join(folder, `${kind}.conf`), `${lines.join('\n')}\n`);
}
