/** Ports for programs that must be told one. */

import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below the ports that Linux gives to connections and to port 0 (ip_local_port_range: 32768 to 60999), above
 * 10048 and 10080: the exporter listens at the one where nothing else is said, and fetch() asks nobody at the other.
 */
const PORTS = { first: 11_000, end: 32_000 };
/** One for each worker of Vitest: a port is free for a while before its program listens there. */
const SHARES = 8;

const share = Math.floor((PORTS.end - PORTS.first) / SHARES);
const first = PORTS.first + share * (Number(process.env['VITEST_POOL_ID'] ?? 0) % SHARES);
/** Given before, from where it happened to begin: two runs at a time seldom meet. */
let given = Math.floor(Math.random() * share);

/**
 * A port of 127.0.0.1 where nothing listens. No connection takes it until the program does, and no other test
 * is given it.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = first + (given++ % share);
    const server = createServer();
    try {
      await once(server.listen(port, '127.0.0.1'), 'listening');
    } catch {
      continue; // something listens there
    }
    await once(server.close(), 'close');
    return port;
  }
}
