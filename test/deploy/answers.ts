// What the daemon answers over HTTP, for comparing one build of it with another.

import { freePort } from '../support/system/free-port.ts';
import { type Cleanup, start } from './processes.ts';

/** Status and headers of what a server sends, but for lengths and times. */
export async function answersOf(node: string, main: string, cleanup: Cleanup): Promise<unknown> {
  const port = await freePort();
  const [dumps, ledger] = [`--kdump.path=${cleanup.folder()}`, `--ledger.path=${cleanup.folder()}`];
  const web = [`--web.listen-address=127.0.0.1:${port}`, '--web.route-prefix=/p'];
  const url = `http://127.0.0.1:${port}`;
  const args = [main, '--mode=central', dumps, ledger, ...web];
  await start({ command: node, args, readyUrl: `${url}/p/-/ready` }, cleanup);
  const paths = [
    '',
    'metrics',
    'probe',
    'sd',
    'crashes',
    'crashes.csv',
    'icon.svg',
    'none',
    '?a[b]=1',
  ];
  return Promise.all(
    ['/', '/%', '/p/-/healthy', '/p/api/v1/crashes', ...paths.map((path) => `/p/${path}`)].map(
      async (path) => {
        const { status, headers } = await fetch(url + path, { redirect: 'manual' });
        const kept = [...headers].filter(([name]) => !['date', 'content-length'].includes(name));
        return [path, status, kept];
      },
    ),
  );
}
