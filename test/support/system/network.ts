// A network namespace with two ways to the rest of this machine. Of one of them packets can be lost: unlike
// a port that nobody listens at, that tells nobody, and only timeouts notice it. Needs root, and Debian's
// iproute2.

import { execFileSync } from 'node:child_process';

/** Programs in a network of their own. */
export interface Network {
  /** What a program in it is started by. */
  readonly by: readonly string[];
  /** Where it is found, by the way that loses nothing. */
  readonly address: string;
  /** Where it finds the rest of the machine, by the way that can lose packets. */
  readonly outside: string;
  lose(isLost: boolean): void;
  close(): void;
}

/** A filter that lets nothing pass: every packet is larger than what it may hold. */
const NOTHING_PASSES = ['tbf', 'rate', '8bit', 'burst', '1b', 'limit', '1b'];

/** @param number from 1, another one for each. */
export function startNetwork(number: number): Network {
  const name = `hwerr-${process.pid}-${number}`;
  const inside = ['ip', 'netns', 'exec', name];
  run('ip', 'netns', 'add', name);
  const way = (kind: string, subnet: string): { near: string; far: string } => {
    const near = `hw${kind}${number}n${process.pid % 10_000}`;
    const far = `hw${kind}${number}f${process.pid % 10_000}`;
    run('ip', 'link', 'add', near, 'type', 'veth', 'peer', 'name', far);
    run('ip', 'link', 'set', far, 'netns', name);
    run('ip', 'addr', 'add', `${subnet}.1/30`, 'dev', near);
    run('ip', 'link', 'set', near, 'up');
    run(...inside, 'ip', 'addr', 'add', `${subnet}.2/30`, 'dev', far);
    run(...inside, 'ip', 'link', 'set', far, 'up');
    return { near, far };
  };
  way('a', `10.77.${number}`);
  const { near, far } = way('b', `10.78.${number}`);
  run(...inside, 'ip', 'link', 'set', 'lo', 'up');
  // A neighbour that does not answer would be told of.
  neighbour(near, `10.78.${number}.2`, [], macOf(far, inside));
  neighbour(far, `10.78.${number}.1`, inside, macOf(near, []));
  return {
    by: inside,
    address: `10.77.${number}.2`,
    outside: `10.78.${number}.1`,
    lose(isLost): void {
      const what = isLost ? 'add' : 'del';
      const filter = isLost ? NOTHING_PASSES : [];
      run('tc', 'qdisc', what, 'dev', near, 'root', ...filter);
      run(...inside, 'tc', 'qdisc', what, 'dev', far, 'root', ...filter);
    },
    close(): void {
      run('ip', 'netns', 'del', name); // and the ways with it
    },
  };
}

function macOf(device: string, by: readonly string[]): string {
  const [link] = JSON.parse(run(...by, 'ip', '-j', 'link', 'show', 'dev', device)) as {
    address: string;
  }[];
  return link!.address;
}

function neighbour(device: string, address: string, by: readonly string[], mac: string): void {
  run(...by, 'ip', 'neigh', 'replace', address, 'lladdr', mac, 'dev', device, 'nud', 'permanent');
}

function run(...[program = '', ...args]: readonly string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
