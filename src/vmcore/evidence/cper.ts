// Firmware error records: of GHES (drivers/acpi/apei/ghes.c __ghes_print_estatus) and extlog
// (drivers/acpi/acpi_extlog.c), with `{N}` on each line; and of BERT (drivers/acpi/apei/bert.c), from the
// previous boot, without a number. Lines are grouped by number, because other CPUs print in between and a
// slow console spreads a record over a tenth of a second.

import type { Finding, Findings, Recogniser } from './finding.ts';
import { type Severity, worse } from './hardware-event.ts';
import type { Line } from './line.ts';
import {
  addSectionField,
  fieldCategory,
  isCorrectedType,
  sectionCategory,
} from './cper-section.ts';

const NUMBERED = /^\{(\d{1,10})\}(\[Hardware Error\]: ?)?(.{0,1900})$/;
const HEAD = /^Hardware error (?:from APEI Generic Hardware Error Source: |detected on CPU)/;
const EVENT = /^(?:event )?severity: (?:\d, )?(\w{1,16})/;
const SECTION = /^(?:Error|section:) \d{1,10}, (?:type|severity): (?:\d, )?(\w{1,16})/;
const WORDS: ReadonlyMap<string, Severity> = new Map([
  ['info', 'informational'],
  ['corrected', 'corrected'],
  ['recoverable', 'recoverable'],
  ['fatal', 'fatal'],
]);

const UNNUMBERED = '[Hardware Error]: ';
/** Lines that only firmware records have. */
const RECORD_LINE =
  /^ {0,3}(?:event severity: |Error \d{1,10}, type: |section[_ ]type: |fru_(?:id|text): |Firmware Error Record Type: |Record Identifier: |section length: )/;
const TOTAL = /^BERT: (?:\[Hardware Error\]: )?Total records found: (\d{1,9})/;
const SKIPPED = /^BERT: (?:\[Hardware Error\]: )?Skipped (\d{1,9}) error records/;

interface Record {
  severity: Severity | null;
  /** Whether the record had a severity, even an unknown one. */
  hasSeverity: boolean;
  sections: number;
  current: Finding;
  /** The section with the most specific information. */
  lead: Finding;
  /** Severity of the section. */
  own: Severity | null;
  /** Whether the section has begun with `Error k`: the next one begins another section. */
  begun: boolean;
}

/**
 * Finds errors in records of GHES and extlog, one per section. Records of BERT, from the previous boot, are
 * only counted.
 */
export class CperRecogniser implements Recogniser {
  readonly #findings: Findings;
  readonly #records = new Map<string, Record>();
  #previousSeen = 0;
  #previousSkipped = 0;
  #previousTotal = 0;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  /** Number of records from the previous boot. */
  get previousBootRecords(): number {
    return Math.max(this.#previousTotal, this.#previousSeen + this.#previousSkipped);
  }

  offer(line: Line): boolean {
    const numbered = line.text.startsWith('{') ? NUMBERED.exec(line.text) : null;
    if (numbered === null) return this.#previous(line.text);
    const [, number = '', prefix, text = ''] = numbered;
    const source = prefix === undefined ? 'extlog' : 'ghes';
    const id = `${source} ${number}`;
    // The first lines of a record may be missing, and a number alone may begin any line.
    if (source === 'extlog' && !this.#records.has(id) && !isOfRecord(text)) return false;
    this.#add(line, { id, source, text: text.trim() });
    return true;
  }

  #add(
    line: Line,
    { id, source, text }: { id: string; source: 'ghes' | 'extlog'; text: string },
  ): void {
    let record = this.#records.get(id);
    if (record === undefined || HEAD.test(text)) {
      const current = this.#findings.open(line, { kind: 'cper', source, decisive: true, link: id });
      record = {
        severity: null,
        hasSeverity: false,
        sections: 1,
        current,
        lead: current,
        own: null,
        begun: false,
      };
      this.#records.set(id, record);
    }
    record.current.lastTime = line.time;
    const section = SECTION.exec(text)?.[1];
    if (section !== undefined) this.#section(record, id, section);
    const event = EVENT.exec(text)?.[1];
    if (event !== undefined) record.severity = severityOf(event);
    record.hasSeverity ||= (event ?? section) !== undefined;
    if (text.startsWith('It has been corrected by h/w')) record.severity ??= 'corrected';
    const category = sectionCategory(text);
    if (category !== null) record.current.category = category;
    else record.current.category ??= fieldCategory(text);
    addSectionField(record.current, text);
    conclude(record);
  }

  #section(record: Record, link: string, word: string): void {
    if (record.begun) {
      // With several sections each has its own severity; with one, the kernel acts on the event's.
      record.sections++;
      record.current.severity = record.own ?? record.severity;
      const { source, time, caller, lastTime } = record.current;
      record.current = this.#findings.open(
        { time, caller, level: null, device: null, text: '' },
        { kind: 'cper', source, decisive: true, link, lastTime },
      );
    }
    record.begun = true;
    record.own = severityOf(word);
  }

  #previous(text: string): boolean {
    if (text.startsWith('BERT: ')) {
      const total = TOTAL.exec(text)?.[1];
      if (total !== undefined) this.#previousTotal = Number(total);
      const skipped = SKIPPED.exec(text)?.[1];
      if (skipped !== undefined) this.#previousSkipped += Number(skipped);
      return true;
    }
    if (!text.startsWith(UNNUMBERED)) return false;
    const body = text.slice(UNNUMBERED.length);
    if (!RECORD_LINE.test(body)) return false;
    // The first line may be missing.
    if (body.startsWith('event severity: ') || this.#previousSeen === 0) this.#previousSeen++;
    return true;
  }
}

/** Whether only firmware records have such a line. */
function isOfRecord(line: string): boolean {
  const text = line.trim();
  const isKnown = [HEAD, EVENT, SECTION].some((pattern) => pattern.test(text));
  return (
    isKnown || RECORD_LINE.test(line) || (sectionCategory(text) ?? fieldCategory(text)) !== null
  );
}

/** @returns null for `unknown`. */
function severityOf(word: string): Severity | null {
  return WORDS.get(word) ?? null;
}

function conclude(record: Record): void {
  const { current, sections, severity, own, hasSeverity } = record;
  current.severity = sections === 1 ? (severity ?? own) : (own ?? severity);
  // The lines with the severity may be missing.
  if (!hasSeverity && isCorrectedType(current.detail)) current.severity ??= 'corrected';
  // The kernel compares a GHES severity with a CPER constant, so it counts informational errors.
  const counted = current.source === 'ghes' && current.severity === 'informational';
  current.hwerrCategory = counted ? current.category : null;
  if (current === record.lead) return;
  const leads = tellsMore(current, record.lead);
  current.secondary = !leads;
  if (!leads) return;
  record.lead.secondary = true;
  record.lead = current;
}

/** Compares by severity, then by the part named; if equal, the first one is kept. */
function tellsMore(one: Finding, other: Finding): boolean {
  if (one.severity !== other.severity) return worse(one.severity, other.severity) === one.severity;
  return telling(one) > telling(other);
}

/** Ranks a replaceable part above an address, and an address above the CPU that encountered the error. */
function telling({ place }: Finding): number {
  if ((place.label ?? place.location ?? place.pciAddress) !== undefined) return 3;
  if (place.physicalAddress !== undefined) return 2;
  return (place.mpidr ?? place.apicId) === undefined ? 0 : 1;
}
