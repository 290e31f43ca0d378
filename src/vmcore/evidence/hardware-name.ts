// The machine: the line `Hardware name: …` of lib/dump_stack.c. With DMI it is `<vendor> <product>[/<board>],
// BIOS <version> <date>` (drivers/firmware/dmi_scan.c dmi_format_ids).

import { shownText } from './shown-text.ts';

/** Vendor and model of the machine, and its firmware; null: not in the line. `raw` is the whole text. */
export interface HardwareName {
  readonly raw: string;
  readonly vendor: string | null;
  readonly model: string | null;
  readonly board: string | null;
  readonly biosVersion: string | null;
  /** In the firmware's format: month, day, year. */
  readonly biosDate: string | null;
}

/** Vendors with a space in their names; all other vendors are the first word. */
const VENDORS = [
  'Dell Inc.',
  'Dell Computer Corporation',
  'Intel Corporation',
  'Intel Corp.',
  'Microsoft Corporation',
  'Amazon EC2',
  'Google Google',
  'Cisco Systems Inc',
  'Cisco Systems, Inc.',
  'Quanta Computer Inc',
  'Quanta Cloud Technology Inc.',
  'Hewlett-Packard',
  'Super Micro Computer, Inc.',
  'ASUSTeK COMPUTER INC.',
  'Gigabyte Technology Co., Ltd.',
  'Micro-Star International Co., Ltd.',
  'Sun Microsystems',
  'Oracle Corporation',
  'VMware, Inc.',
  'innotek GmbH',
  'Red Hat',
  'To Be Filled By O.E.M.',
];

const BIOS = ', BIOS ';

/** @param text the text after `Hardware name: ` or `DMI: `. */
export function hardwareName(text: string): HardwareName | null {
  const raw = shownText(text);
  if (raw === null) return null;
  const bios = raw.lastIndexOf(BIOS);
  if (bios === -1) return { raw, ...named(raw), board: null, biosVersion: null, biosDate: null };
  const firmware = raw.slice(bios + BIOS.length);
  const date = firmware.lastIndexOf(' ');
  const machine = raw.slice(0, bios);
  const slash = machine.lastIndexOf('/');
  // `Standard PC (Q35/ICH9)` is a product; a slash outside brackets precedes the board.
  const board = slash !== -1 && !machine.slice(slash).includes(')') ? slash : machine.length;
  return {
    raw,
    ...named(machine.slice(0, board)),
    board: shownText(machine.slice(board + 1)),
    biosVersion: shownText(firmware.slice(0, Math.max(date, 0))),
    biosDate: shownText(firmware.slice(date + 1)),
  };
}

function named(machine: string): { vendor: string | null; model: string | null } {
  const model = /^(.{1,120}) \(DT\)$/.exec(machine)?.[1];
  if (model !== undefined) return { vendor: null, model };
  const vendor = VENDORS.find((name) => machine.startsWith(`${name} `)) ?? machine.split(' ', 1)[0];
  return {
    vendor: shownText(vendor),
    model: shownText(machine.slice(vendor?.length ?? 0)),
  };
}
