// Listening sockets: addresses to bind, or sockets passed by systemd (sd_listen_fds(3): LISTEN_FDS
// descriptors from 3 on, if LISTEN_PID is this process).

import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import {
  type AddressInfo,
  type ListenOptions,
  type Server,
  type Socket,
  createServer,
  isIP,
} from 'node:net';

const FIRST_SYSTEMD_FD = 3;

/** An address to listen on. */
export interface ListenAddress {
  /** An address or a name; undefined: all addresses. */
  readonly host: string | undefined;
  readonly port: number;
}

/** Arguments of listen(2); `fd` is a socket that already listens. */
export type ListenOn = ListenOptions & { readonly fd?: number };

/** Open listening sockets. */
export interface Listeners {
  /** Ports of the TCP sockets, in order. */
  readonly ports: readonly number[];
  /** Stops accepting connections; existing ones stay open. */
  close(): void;
}

/**
 * Listens until closed.
 *
 * @throws the error of listen(2), such as EADDRINUSE; no socket is left open then.
 */
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
      const server = createServer({ allowHalfOpen: true }, onConnection);
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(options, resolve);
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

/**
 * Returns listen(2) arguments for addresses. A name is resolved to all its addresses: `localhost` to
 * 127.0.0.1 and ::1, because clients may use either.
 *
 * @throws the error of getaddrinfo(3) for a name without an address, such as ENOTFOUND.
 */
export async function onAddresses(addresses: readonly ListenAddress[]): Promise<ListenOn[]> {
  const all: ListenOn[] = [];
  for (const { host, port } of addresses) {
    if (host === undefined) {
      all.push({ port });
    } else if (isIP(host) !== 0) {
      all.push({ host, port });
    } else {
      const found = await lookup(host, { all: true });
      const canListen = await Promise.all(found.map(isUsable));
      const usable = found.filter((_, i) => canListen[i]);
      all.push(
        ...(usable.length > 0 ? usable : found).map(({ address }) => ({ host: address, port })),
      );
    }
  }
  return all;
}

/** Whether a socket may listen on the address: on a machine without IPv6 `localhost` may still be ::1. */
async function isUsable({ address, family }: LookupAddress): Promise<boolean> {
  if (family === 4) return true;
  try {
    const probe = await listen([{ host: address, port: 0 }], (socket) => socket.destroy());
    probe.close();
    return true;
  } catch {
    return false;
  }
}

/** Returns listen(2) arguments for the sockets that systemd passed. @throws Error if there are none. */
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
