// A way to a server on the loopback that can be cut off: connections hang, as behind a firewall that drops
// packets, or break.

import { once } from 'node:events';
import { type AddressInfo, type Socket, connect, createServer } from 'node:net';

export interface Relay {
  readonly port: number;
  /** `hangs`: nothing gets through, nobody is told; `breaks`: connections end, and new ones at once. */
  set(state: 'open' | 'hangs' | 'breaks'): void;
  close(): Promise<void>;
}

/** @param to the port of the server. @param host where the relay is found. */
export async function startRelay(to: number, host = '127.0.0.1'): Promise<Relay> {
  let state: Parameters<Relay['set']>[0] = 'open';
  const pairs = new Set<readonly [Socket, Socket]>();
  const letThrough = ([a, b]: readonly [Socket, Socket], isOpen: boolean): void => {
    for (const socket of [a, b]) {
      if (isOpen) socket.resume();
      else socket.pause();
    }
  };
  const server = createServer((client) => {
    if (state === 'breaks') {
      client.destroy();
      return;
    }
    const pair = [client, connect(to, '127.0.0.1')] as const;
    pairs.add(pair);
    for (const [from, into] of [pair, [pair[1], pair[0]]] as const) {
      from.on('data', (bytes) => into.write(bytes));
      from.on('error', () => undefined);
      from.on('close', () => {
        into.destroy();
        pairs.delete(pair);
      });
    }
    letThrough(pair, state === 'open');
  });
  await once(server.listen(0, host), 'listening');
  const breakAll = (): void => {
    for (const [client, upstream] of pairs) {
      client.destroy();
      upstream.destroy();
    }
  };
  return {
    port: (server.address() as AddressInfo).port,
    set(next): void {
      state = next;
      if (next === 'breaks') breakAll();
      else for (const pair of pairs) letThrough(pair, next === 'open');
    },
    async close(): Promise<void> {
      breakAll();
      await once(server.close(), 'close');
    },
  };
}
