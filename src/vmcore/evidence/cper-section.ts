// The fields of a section of a firmware error record, as printed by the kernel.
// drivers/firmware/efi/cper.c, cper-arm.c, cper-x86.c, cper_cxl.c.

import type { Finding } from './finding.ts';
import type { Category } from './hardware-event.ts';
import { locationWords } from './location.ts';

/** Categories as in ghes_log_hwerr(): drivers/acpi/apei/ghes.c, since v6.19. */
const BY_NAME: readonly (readonly [RegExp, Category])[] = [
  [/^(?:general|generic|IA32\/X64|ARM) processor error/, 'cpu'],
  [/^memory error/, 'memory'],
  [/^PCIe error/, 'pci'],
  [/^CXL /, 'cxl'],
];

/** Section types unknown to the kernel that printed them. include/linux/cper.h. */
const BY_ID: ReadonlyMap<string, Category> = new Map([
  ['c5753963-3b84-4095-bf78-eddad3f9c9dd', 'pci'],
  ['80b9efb4-52b5-4de3-a777-68784b771048', 'cxl'],
  ['fbcd0a77-c260-417f-85a9-088b1621eba6', 'cxl'],
  ['601dcbb3-9c06-4eab-b8af-4e9bfb5c9624', 'cxl'],
  ['fe927475-dd59-4339-a586-79bab113b774', 'cxl'],
]);

const TYPE = /^section[_ ]type: (?:unknown, ([0-9a-f-]{36}))?(.{0,200})$/;
/** With all its digits, as MPIDR and processor_id: a line that was cut has fewer. */
const MEMORY_ADDRESS = /^(?:physical_address|physical fault address): 0x([0-9a-f]{16})\b/;
const LOCATION =
  /^(?:node|card|module|rank|bank|bank_group|bank_address|device|row|column|bit_position|chip_id): ?\d/;
const DIMM = /^DIMM location: (?!not present)(.{1,200})$/;
const PCI_ADDRESS = /^(?:device_id|agent_address): ([0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])$/;
const PCI_IDS = /^vendor_id: 0x([0-9a-f]{4}), device_id: 0x([0-9a-f]{4})/;
const MPIDR = /^Multiprocessor Affinity Register \(MPIDR\): 0x([0-9a-f]{16})/;
const APIC = /^Local APIC_ID: 0x([0-9a-f]{1,16})/;
/** In a section of any processor type: UEFI 2.10, N.2.4.1. */
const PROCESSOR_ID = /^processor_id: 0x([0-9a-f]{16})/;
const ARM = /^processor_type: \d{1,3}, ARM$|^processor_isa: \d{1,3}, ARM /;
const FRU = /^fru_text: (.{1,200})$/;
const ERROR_TYPE = /^error_type: (?:0x)?[0-9a-f]{1,4}[,:] (.{1,200})$/;
/** Firmware's name of a slot: `B1`, `Card02, ChnA, DIMM0`; other text is prose. */
const SLOT = /^[A-P]\d{1,2}$|DIMM|Chn|Slot/;

/** Lines that only one type of section has; needed if the line with the type is missing. */
const FIELDS: readonly (readonly [RegExp, Category])[] = [
  [/^(?:physical_address|DIMM location): |^(?:node|card|module|rank): ?\d/, 'memory'],
  [/^(?:MIDR|Multiprocessor Affinity Register|Local APIC_ID|processor_id)\b/, 'cpu'],
  [
    /^(?:port_type|secondary_bus|bridge): |^class_code: [0-9a-f]{6}$|^command: |^aer_(?:un)?cor_|^device_id: [0-9a-f]{4,8}:/,
    'pci',
  ],
  [/^(?:agent_type|agent_address|sub_vendor_id|cxl_ras_\w{1,20}): /, 'cxl'],
];

/** Error types that are corrected by definition: drivers/firmware/efi/cper.c mem_err_type_strs. */
const CORRECTED = /^(?:single-bit ECC|single-symbol chipkill ECC|scrub corrected error)/;

/** @returns whether an error type is one of a corrected error. */
export function isCorrectedType(detail: string | null): boolean {
  return detail !== null && CORRECTED.test(detail);
}

/** @returns the category of the section that has such a field; null if any section may have it. */
export function fieldCategory(text: string): Category | null {
  return FIELDS.find(([pattern]) => pattern.test(text))?.[1] ?? null;
}

/** @returns the category that a line gives its section; null if it gives none. */
export function sectionCategory(text: string): Category | null {
  const match = TYPE.exec(text);
  if (match === null) return null;
  const [, id, name = ''] = match;
  if (id !== undefined) return BY_ID.get(id) ?? 'others';
  return BY_NAME.find(([pattern]) => pattern.test(name))?.[1] ?? 'others';
}

/** Adds the information about the part in a line; ignores serial numbers and registers. */
export function addSectionField(finding: Finding, text: string): void {
  const { place, category } = finding;
  const memory = category === 'memory';
  const hex = (pattern: RegExp): bigint | undefined => {
    const digits = pattern.exec(text)?.[1];
    return digits === undefined ? undefined : BigInt(`0x${digits}`);
  };
  const fru = FRU.exec(text)?.[1]?.trim();
  if (fru !== undefined && fru !== '') place.fru = fru;
  if (memory && place.fru !== undefined && SLOT.test(place.fru)) place.label ??= place.fru;
  const dimm = DIMM.exec(text)?.[1]?.trim();
  if (memory && dimm !== undefined && dimm !== '') place.label = dimm;
  if (memory && LOCATION.test(text)) place.location = locationWords(text) ?? '';
  const address = hex(MEMORY_ADDRESS);
  if (address !== undefined && (memory || category === 'cpu')) place.physicalAddress = address;
  const pciAddress = PCI_ADDRESS.exec(text)?.[1];
  if (pciAddress !== undefined) place.pciAddress = pciAddress;
  const ids = PCI_IDS.exec(text);
  if (ids?.[1] !== undefined) place.vendor = ids[1];
  if (ids?.[2] !== undefined) place.device = ids[2];
  if (ARM.test(text)) place.isArm = true;
  const processor = hex(PROCESSOR_ID);
  const mpidr = hex(MPIDR) ?? (place.isArm === true ? processor : undefined);
  if (mpidr !== undefined) place.mpidr = `0x${mpidr.toString(16)}`;
  const apic = hex(APIC) ?? (place.isArm === true ? undefined : processor);
  if (apic !== undefined) place.apicId = `0x${apic.toString(16)}`;
  finding.detail ??= ERROR_TYPE.exec(text)?.[1] ?? null;
}
