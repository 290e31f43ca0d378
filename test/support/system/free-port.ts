/** Ports for programs that must be told one. */

import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below the ports that Linux gives to connections and to port 0 (ip_local_port_range: 32768 to 60999). */
const PORTS = { first: 10_000, end: 32_000 };

/** A port of 127.0.0.1 where nothing listens, and which no connection takes until the program does. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(PORTS.first, PORTS.end);
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
