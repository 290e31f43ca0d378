// Where connections come from: addresses to listen on, or sockets that systemd opened for us
// (sd_listen_fds(3): descriptors from 3 on, LISTEN_FDS of them, if LISTEN_PID is us).

import {
  type AddressInfo,
  type ListenOptions,
  type Server,
  type Socket,
  createServer,
} from 'node:net';

const FIRST_SYSTEMD_FD = 3;
/** Connections that the kernel keeps until they are accepted; net.core.somaxconn bounds it. */
const BACKLOG = 4096;

export interface ListenAddress {
  /** undefined: every address. */
  readonly host: string | undefined;
  readonly port: number;
}

/** Arguments of listen(2); `fd` is a socket that listens already. */
export type ListenOn = ListenOptions & { readonly fd?: number };

export interface Listeners {
  /** Of every TCP listener, in order. */
  readonly ports: readonly number[];
  /** Take no more connections; those there are stay. */
  close(): void;
}

/** @throws the error of listen(2), such as EADDRINUSE; then nothing is listened on. */
export async function listen(
  where: readonly ListenOn[],
  onConnection: (socket: Socket) => void,
): Promise<Listeners> {
  const servers: Server[] = [];
  const close = (): void => {
    for (const server of servers) server.close();
  };
  try {
    for (const options of where) {
      const server = createServer({ noDelay: true, allowHalfOpen: true }, onConnection);
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen({ backlog: BACKLOG, ...options }, resolve);
      });
      servers.push(server);
    }
  } catch (error) {
    close();
    throw error;
  }
  const ports = servers
    .map((server) => server.address())
    .filter((address): address is AddressInfo => typeof address === 'object' && address !== null)
    .map(({ port }) => port);
  return { ports, close };
}

/** listen(2) arguments for addresses. */
export function onAddresses(addresses: readonly ListenAddress[]): ListenOn[] {
  return addresses.map(({ host, port }) => (host === undefined ? { port } : { host, port }));
}

/** listen(2) arguments for the sockets that systemd passed. @throws Error when there are none. */
export function onSystemdSockets(
  environment: Readonly<Record<string, string | undefined>>,
  pid: number,
): ListenOn[] {
  const { LISTEN_PID: forPid, LISTEN_FDS: count } = environment;
  if (forPid !== String(pid) || !/^[1-9]\d{0,2}$/.test(count ?? '')) {
    throw new Error('--web.systemd-socket: systemd passed no socket');
  }
  return Array.from({ length: Number(count) }, (_, i) => ({ fd: FIRST_SYSTEMD_FD + i }));
}
