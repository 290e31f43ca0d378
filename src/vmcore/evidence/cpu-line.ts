// The line with the CPU and task of the kernel. lib/dump_stack.c dump_stack_print_info():
// `CPU: 3 UID: 0 PID: 341 Comm: (udev-worker) Kdump: loaded Tainted: G   M  6.17.0 #1 …`.

/** The CPU and task that the kernel was running, and its taint flags. */
export interface CpuLine {
  readonly cpu: number | null;
  readonly pid: number;
  readonly comm: string;
  /** Letters of kernel/panic.c taint_flags; `G`: no proprietary module. Empty if not tainted. */
  readonly taint: readonly string[];
}

const HEAD = /^CPU: (\d{1,6}) (?:UID: \d{1,10} )?PID: (\d{1,10}) Comm: (.{1,900})$/;
/** Before v3.10. */
const OLD_HEAD = /^Pid: (\d{1,10}), comm: (.{1,900})$/;
const CLEAN = ' Not tainted';
const TAINTED = ' Tainted: ';

/** @returns null for other lines, including `Tainted: [M]=MACHINE_CHECK`. */
export function cpuLine(text: string): CpuLine | null {
  const head = HEAD.exec(text);
  const old = head === null ? OLD_HEAD.exec(text) : null;
  const rest = head?.[3] ?? old?.[2];
  const pid = head?.[2] ?? old?.[1];
  if (rest === undefined || pid === undefined) return null;
  // A task name may contain anything, so the fields after it are searched from the right.
  const clean = rest.lastIndexOf(CLEAN);
  const tainted = rest.lastIndexOf(TAINTED);
  const end = Math.max(clean, tainted);
  if (end === -1) return null;
  const comm = rest
    .slice(0, end)
    .replace(/ Kdump: loaded$/, '')
    .trim();
  return {
    cpu: head?.[1] === undefined ? null : Number(head[1]),
    pid: Number(pid),
    comm,
    taint: tainted > clean ? letters(rest.slice(tainted + TAINTED.length)) : [],
  };
}

/** Unset flags are spaces; RHEL appends `------  ---`. The release follows. */
function letters(text: string): readonly string[] {
  const found: string[] = [];
  for (const word of text.split(/\s/, 64)) {
    if (!/^(?:[A-Z]{0,32}|-{1,32})$/.test(word)) break;
    if (!word.startsWith('-')) found.push(...(word.match(/[A-Z]/g) ?? []));
  }
  return found;
}
