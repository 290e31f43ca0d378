// Just enough of a container builder: the Dockerfile's stages as overlays over this machine's root,
// its COPY done as it says, its RUN in a chroot. What it cannot show is the base image: the Node of
// the tests and this machine's npm and shell stand in for node:24-slim.

import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

import { installNode } from './processes.ts';

export interface Instruction {
  readonly name: string;
  readonly rest: string;
}

/** The instructions of a Dockerfile, continuation lines joined, comments gone. */
export function instructions(dockerfile: string): Instruction[] {
  return dockerfile
    .replace(/^#.*\n/gm, '')
    .replace(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, name = '', rest = ''] = /^\s*(\w+)\s+(.*)$/.exec(line) ?? [];
      return { name, rest };
    });
}

/** What a stage ends as. */
export interface Image {
  /** Its root file system: this machine's, with what the stage changed. */
  readonly root: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly workdir: string;
  readonly user: string;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly healthcheck: readonly string[];
}

export interface Build {
  readonly context: string;
  /** Where the stages are mounted. */
  readonly folder: string;
  /** What `--build-arg` would give. */
  readonly args: Readonly<Record<string, string>>;
}

/**
 * Builds every stage. Needs root and overlayfs; who calls takes the mounts away.
 *
 * @returns the last stage.
 */
export function build(steps: readonly Instruction[], { context, folder, args }: Build): Image {
  const stages = new Map<string, Stage>();
  let stage: Stage | undefined;
  for (const { name, rest } of steps) {
    if (name === 'FROM') {
      const [, as = `stage${stages.size}`] = / AS (\w+)$/.exec(rest) ?? [];
      stage = new Stage(join(folder, as), context, args);
      stages.set(as, stage);
    } else {
      if (stage === undefined) throw new Error(`${name} before FROM`);
      stage.step(name, rest, stages);
    }
  }
  if (stage === undefined) throw new Error('no FROM');
  return stage.image;
}

class Stage {
  readonly #context: string;
  readonly #given: Build['args'];
  /** Of the instructions so far: RUN sees them, the image does not. */
  readonly #args: Record<string, string> = {};
  image: Image;

  constructor(folder: string, context: string, given: Build['args']) {
    const root = join(folder, 'root');
    const upper = join(folder, 'upper');
    const work = join(folder, 'work');
    for (const path of [root, upper, work]) mkdirSync(path, { recursive: true });
    const options = `lowerdir=/,upperdir=${upper},workdir=${work}`;
    execFileSync('mount', ['-t', 'overlay', 'overlay', '-o', options, root]);
    installNode(root);
    this.#context = context;
    this.#given = given;
    this.image = {
      root,
      environment: {},
      workdir: '/',
      user: '0:0',
      entrypoint: [],
      command: [],
      healthcheck: [],
    };
  }

  /** @throws Error at an instruction it does not know: better than to skip it. */
  step(name: string, rest: string, stages: ReadonlyMap<string, Stage>): void {
    const set = (change: Partial<Image>): void => void (this.image = { ...this.image, ...change });
    switch (name) {
      case 'WORKDIR':
        mkdirSync(join(this.image.root, rest), { recursive: true });
        set({ workdir: rest });
        break;
      case 'COPY':
        this.#copy(rest, stages);
        break;
      case 'RUN':
        inRoot(this.image, this.#args, ['/bin/sh', '-c', rest]);
        break;
      case 'ENV':
        set({ environment: Object.fromEntries(pairs(rest)) });
        break;
      case 'USER':
        set({ user: rest });
        break;
      case 'ENTRYPOINT':
        set({ entrypoint: JSON.parse(rest) as string[] });
        break;
      case 'CMD':
        set({ command: JSON.parse(rest) as string[] });
        break;
      case 'HEALTHCHECK':
        set({ healthcheck: JSON.parse(rest.slice(rest.indexOf('['))) as string[] });
        break;
      case 'ARG': {
        const [name = '', byDefault = ''] = rest.split('=');
        this.#args[name] = this.#given[name] ?? byDefault;
        break;
      }
      case 'LABEL':
      case 'VOLUME':
      case 'EXPOSE':
        break;
      default:
        throw new Error(`an instruction this builder does not know: ${name}`);
    }
  }

  #copy(rest: string, stages: ReadonlyMap<string, Stage>): void {
    const words = rest.split(/\s+/);
    const [, from] = /^--from=(.+)$/.exec(words[0] ?? '') ?? [];
    const source = from === undefined ? this.#context : stages.get(from)?.image.root;
    if (source === undefined) throw new Error(`no stage ${from ?? ''}`);
    const paths = from === undefined ? words : words.slice(1);
    const target = paths.pop() ?? '';
    for (const path of paths) {
      const to = join(this.image.root, this.image.workdir, target);
      const into = target.endsWith('/') ? join(to, basename(path)) : to;
      if (!existsSync(join(source, path)))
        throw new Error(`COPY of a file that is not there: ${path}`);
      mkdirSync(dirname(into), { recursive: true });
      cpSync(join(source, path), into, { recursive: true, verbatimSymlinks: true });
    }
  }
}

/** `A=1 B=2` */
function pairs(text: string): [string, string][] {
  return [...text.matchAll(/(\w+)=(\S+)/g)].map(([, name = '', value = '']) => [name, value]);
}

function inRoot(
  { root, workdir, environment }: Image,
  args: Readonly<Record<string, string>>,
  command: readonly string[],
): void {
  execFileSync('chroot', [root, '/bin/sh', '-c', 'cd "$0" && exec "$@"', workdir, ...command], {
    env: { PATH: process.env['PATH'] ?? '', HOME: '/root', ...args, ...environment },
    stdio: 'pipe',
  });
}
