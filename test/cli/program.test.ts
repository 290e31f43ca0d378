import { describe, expect, it } from 'vitest';

import packageJson from '../../package.json' with { type: 'json' };
import { program, withCommand } from '../../src/cli/program.ts';
import { FLAGS, type FlagValues, environmentName } from '../../src/config.ts';
import { run } from '../support/daemon/program.ts';

/** What the command line makes of these arguments: the command it runs, and what with. */
async function parsed(...args: readonly string[]): Promise<unknown> {
  let called: unknown;
  const commands = program('1.2.3', withCommand(args), {
    serve(given: FlagValues): Promise<void> {
      called = { serve: given };
      return Promise.resolve();
    },
    checkConfig(given, envFile): Promise<void> {
      called = { checkConfig: given, envFile };
      return Promise.resolve();
    },
    doctor(given, envFile): Promise<void> {
      called = { doctor: given, envFile };
      return Promise.resolve();
    },
    crashes(given, options): Promise<void> {
      called = { crashes: options, ...given };
      return Promise.resolve();
    },
    repaired(given, { host, note }): Promise<void> {
      called = { repaired: host, note, ...given };
      return Promise.resolve();
    },
    textfile(given, out): Promise<void> {
      called = { textfile: out, ...given };
      return Promise.resolve();
    },
    log(file, options): Promise<void> {
      called = { log: file, ...options };
      return Promise.resolve();
    },
    decode(files, { json, askBtf }, given): Promise<void> {
      called = { decode: files, json, askBtf, ...given };
      return Promise.resolve();
    },
  });
  await commands.parseAsync(withCommand(args), { from: 'user' });
  return called;
}

describe('program', () => {
  it('serves when no command is given, and gives only what was given', async () => {
    expect(await parsed()).toEqual({ serve: {} });
    expect(await parsed('serve')).toEqual({ serve: {} });
  });

  it('takes the flags with and without the command', async () => {
    const flags = ['--kdump.path', '/a', '--kdump.path=/b', '--log.level', 'warn'];
    const expected = { serve: { directories: ['/a', '/b'], logLevel: ['warn'] } };
    expect(await parsed(...flags)).toEqual(expected);
    expect(await parsed('serve', ...flags)).toEqual(expected);
  });

  it.each(Object.entries(FLAGS))('hands on the flag of %s', async (key, flag) => {
    const args = flag.placeholder === undefined ? [] : ['value'];
    expect(await parsed(`--${flag.name}`, ...args)).toEqual({
      serve: { [key]: flag.placeholder === undefined ? ['true'] : ['value'] },
    });
    expect(await parsed('check-config', `--${flag.name}`, ...args)).toEqual({
      checkConfig: { [key]: flag.placeholder === undefined ? ['true'] : ['value'] },
    });
  });

  it.each(['check-config', 'doctor'])('hands the file of the unit to %s', async (command) => {
    const key = command === 'doctor' ? 'doctor' : 'checkConfig';
    const called = await parsed(command, '--env-file', '/f', '--mode=node');
    expect(called).toEqual({ [key]: { mode: ['node'] }, envFile: '/f' });
    expect(await parsed(command)).toEqual({ [key]: {} });
  });

  it('decodes files with the symbols of directories, and with BTF when asked', async () => {
    const args = ['--symbols.path', '/s', '--btf', '--symbols.path=/t', 'a'];
    expect(await parsed('decode', ...args)).toEqual({
      decode: ['a'],
      json: false,
      askBtf: true,
      symbolPaths: ['/s', '/t'],
    });
  });

  it('reads a log of pages of 4 KiB, or of the size that is given', async () => {
    expect(await parsed('log', '-')).toEqual({ log: '-', json: false, pageSize: '4KiB' });
    expect(await parsed('log', 'a', '--json', '--page-size', '64KiB')).toEqual({
      log: 'a',
      json: true,
      pageSize: '64KiB',
    });
  });

  it('decodes files, with --json before or after them', async () => {
    expect(await parsed('decode', 'a', 'b')).toEqual({
      decode: ['a', 'b'],
      json: false,
      askBtf: false,
    });
    expect(await parsed('decode', '--json', 'a')).toEqual({
      decode: ['a'],
      json: true,
      askBtf: false,
    });
    expect(await parsed('decode', 'a', '--json')).toEqual({
      decode: ['a'],
      json: true,
      askBtf: false,
    });
    expect(await parsed('decode', '--', '--json')).toEqual({
      decode: ['--json'],
      json: false,
      askBtf: false,
    });
  });
});

describe('hwerr-exporter', () => {
  it.each([['--help'], ['serve', '--help']])('lists every flag: %s %s', async (...args) => {
    const { code, stdout, stderr } = await run(args.filter(Boolean));
    expect([code, stderr]).toEqual([0, '']);
    const text = stdout.replaceAll(/\s+/g, ' ');
    for (const flag of Object.values(FLAGS)) {
      const { name, help, placeholder, repeatable, defaultText } = flag;
      const parts = [
        ...(repeatable ? ['repeatable'] : []),
        ...(defaultText === undefined ? [] : [`default: ${defaultText}`]),
        `env: ${environmentName(flag)}`,
      ];
      const usage = placeholder === undefined ? `--${name}` : `--${name} <${placeholder}>`;
      expect(text).toContain(`${usage} ${help} (${parts.join(', ')})`);
    }
  });

  it('says its version, that of package.json', async () => {
    expect(await run(['--version'])).toEqual({
      code: 0,
      stdout: `${packageJson.version}\n`,
      stderr: '',
    });
  });

  it.each([
    [['--nope'], "unknown option '--nope'"],
    [['nope'], "unknown command 'nope'"],
    [['decod', 'x'], '(Did you mean decode?)'],
    [['serve', 'x'], 'too many arguments'],
    [['--kdump.pth', '/x'], '(Did you mean --kdump.path?)'],
    [['decode'], "missing required argument 'file'"],
    [['decode', '--nope', 'x'], "unknown option '--nope'"],
    [['--kdump.path'], 'argument missing'],
    [['--kdump.settle', 'soon'], '--kdump.settle: got "soon", want a duration'],
  ])('exits 2 and says why for the wrong command line %j', async (args, why) => {
    const { code, stdout, stderr } = await run(args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(why);
    expect(stderr).not.toContain('    at ');
  });

  it('says the same of decode with and without the other commands', async () => {
    const help = await run(['decode', '--help']);
    expect(help.stdout).toContain('--plain-http');
    expect(await run(['help', 'decode'])).toEqual(help);
  });

  it('exits 2 and names the variable of a bad value in the environment', async () => {
    const { code, stderr } = await run([], { HWERR_WEB_LISTEN_ADDRESS: 'nowhere' });
    expect(code).toBe(2);
    expect(stderr).toBe(
      'hwerr-exporter: HWERR_WEB_LISTEN_ADDRESS: got "nowhere", want HOST:PORT, [IPv6]:PORT or :PORT\n',
    );
  });
});
