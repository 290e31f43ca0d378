/**
 * The whole process, from the command line to the printed counters, beside the programs that can
 * answer the same question with the kernel's debuginfo. Every answer is compared with ours.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { NODE, digits, inTurn, table } from './measure.mjs';

/** hwerr_data by the debuginfo of vmlinux: what a kernel developer would type. */
const DRGN_DEBUGINFO = `
import sys, drgn
prog = drgn.Program()
prog.set_core_dump(sys.argv[1])
prog.load_debug_info([sys.argv[2]])
for entry in prog["hwerr_data"]:
    print(entry.count.counter.value_(), entry.timestamp.value_())
`;

/** The same by the dump's own kallsyms: the layout of the array must be known by heart. */
const DRGN_KALLSYMS = `
import sys, drgn
from drgn.helpers.linux.kallsyms import load_vmlinux_kallsyms
prog = drgn.Program()
prog.set_core_dump(sys.argv[1])
prog.register_symbol_finder("kallsyms", load_vmlinux_kallsyms(prog), enable_index=0)
address = prog.symbol("hwerr_data").address
for i in range(5):
    print(prog.read_u32(address + 16 * i), prog.read_u64(address + 16 * i + 8))
`;

/** Its data structures are too new for crash 9.0.2, but for this. */
const CRASH_COMMANDS = 'rd -64 hwerr_data 10\nquit\n';

/**
 * @param dumps paths of dumps of the kernel of `vmlinux`.
 * @param vmlinux with debuginfo; undefined: only we are measured, and Node.
 * @param root where drgn and crash are installed, if not here: a chroot.
 * @param program the command that runs ours.
 */
export function peers({ dumps, vmlinux, root, program, runs, directory }) {
  const place = root === undefined ? directory : mkdtempSync(join(root, 'tmp', 'hwerr-bench-'));
  try {
    const inside = (path) =>
      root === undefined ? path : path.slice(root.replace(/\/$/, '').length);
    const enter = root === undefined ? [] : ['chroot', root];
    const put = (name, text) => {
      writeFileSync(join(place, name), text);
      return inside(join(place, name));
    };
    const copy = (path) => {
      copyFileSync(path, join(place, basename(path)));
      return inside(join(place, basename(path)));
    };
    const debuginfo = put('debuginfo.py', DRGN_DEBUGINFO);
    const kallsyms = put('kallsyms.py', DRGN_KALLSYMS);
    const commands = put('crash.txt', CRASH_COMMANDS);
    const symbols = vmlinux && copy(vmlinux);
    const version = (...command) =>
      execFileSync(enter[0] ?? command[0], [...enter, ...command].slice(1), { encoding: 'utf8' })
        .trim()
        .split('\n')[0]
        .replace(/ \(.*/, '');
    const names = {
      ours: 'hwerr-exporter',
      node: 'node, doing nothing',
      drgn: symbols && `${version('drgn', '--version')}, debuginfo`,
      kallsyms: 'drgn, kallsyms helper',
      crash: symbols && `${version('crash', '--version')} --minimal`,
    };
    const rows = dumps.flatMap((path) => {
      const dump = copy(path);
      const decode = [...program, 'decode', '--json', path];
      const wanted = oursOf(decode);
      const python = [...enter, 'python3'];
      const others = [
        { name: names.drgn, command: [...python, debuginfo, dump, symbols], parse: drgnCounters },
        { name: names.kallsyms, command: [...python, kallsyms, dump], parse: drgnCounters },
        {
          name: names.crash,
          command: [...enter, 'crash', '-s', '--minimal', '-i', commands, symbols, dump],
          parse: crashCounters,
        },
      ].map(({ parse, ...one }) => ({ ...one, check: agreeing(one.name, parse, wanted) }));
      const cases = [
        { name: names.ours, command: decode },
        { name: names.node, command: [NODE, '--eval', '0'] },
        ...(symbols === undefined ? [] : others),
      ];
      const results = inTurn(cases, runs, directory);
      const ours = results.get(names.ours);
      if (ours.failure !== undefined) throw new Error(ours.failure);
      return [...results].map(([name, { failure, seconds, cpu, mib }]) => {
        const title = `${basename(path)}: ${name}`;
        if (failure !== undefined) return [title, 'no answer', ...Array(4).fill('–')];
        return [
          title,
          digits(seconds * 1000),
          digits(cpu * 1000),
          digits(mib),
          `${digits(cpu / ours.cpu)}x`,
          `${digits(mib / ours.mib)}x`,
        ];
      });
    });
    table(['dump: program', 'ms', 'CPU ms', 'peak MiB', 'CPU', 'memory'], rows);
  } finally {
    if (place !== directory) rmSync(place, { recursive: true, force: true });
  }
}

function oursOf([node, ...args]) {
  const printed = execFileSync(node, args, { encoding: 'utf8' });
  const { categories } = JSON.parse(printed).hwerr;
  return categories.map(({ count, lastErrorTimestampSeconds }) => [
    count,
    lastErrorTimestampSeconds ?? 0,
  ]);
}

function drgnCounters(printed) {
  return printed
    .trim()
    .split('\n')
    .map((line) => line.split(' ').map(Number));
}

/** Words of memory, of which the first of each pair is the counter and padding. */
function crashCounters(printed) {
  return [...printed.matchAll(/^[0-9a-f]+: +([0-9a-f]{16}) ([0-9a-f]{16})/gm)].map(
    ([, first, second]) => [Number(BigInt(`0x${first}`) & 0xffffffffn), Number(`0x${second}`)],
  );
}

function agreeing(name, parse, wanted) {
  return (printed) => {
    const got = parse(printed);
    if (JSON.stringify(got) === JSON.stringify(wanted)) return;
    throw new Error(`${name} says ${JSON.stringify(got)}, we say ${JSON.stringify(wanted)}`);
  };
}
