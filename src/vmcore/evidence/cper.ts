// Firmware error records: of GHES (drivers/acpi/apei/ghes.c __ghes_print_estatus) and of extlog
// (drivers/acpi/acpi_extlog.c), each line numbered `{N}`; and of BERT (drivers/acpi/apei/bert.c), the
// boot before, which has no number. Lines belong together by their number: other CPUs print between
// them, and a slow console stretches a record over a tenth of a second.

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
/** What only a firmware record says. */
const RECORD_LINE =
  /^ {0,3}(?:event severity: |Error \d{1,10}, type: |section[_ ]type: |fru_(?:id|text): |Firmware Error Record Type: |Record Identifier: |section length: )/;
const TOTAL = /^BERT: (?:\[Hardware Error\]: )?Total records found: (\d{1,9})/;
const SKIPPED = /^BERT: (?:\[Hardware Error\]: )?Skipped (\d{1,9}) error records/;

interface Record {
  severity: Severity | null;
  /** It said how severe it is, be it in a word that says nothing. */
  told: boolean;
  sections: number;
  current: Finding;
  /** The section that tells most of what went wrong. */
  lead: Finding;
  /** Severity of the section itself. */
  own: Severity | null;
  /** The section has said which it is: the next `Error k` begins another. */
  begun: boolean;
}

/**
 * Finds errors in the records of GHES and extlog, one for each section. Records of BERT, of the
 * boot before, are only counted.
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

  /** Records of the boot before. */
  get previousBootRecords(): number {
    return Math.max(this.#previousTotal, this.#previousSeen + this.#previousSkipped);
  }

  offer(line: Line): boolean {
    const numbered = line.text.startsWith('{') ? NUMBERED.exec(line.text) : null;
    if (numbered === null) return this.#previous(line.text);
    const [, number = '', prefix, text = ''] = numbered;
    const source = prefix === undefined ? 'extlog' : 'ghes';
    const id = `${source} ${number}`;
    // A number alone may begin a line of anything; a record's first lines may be gone.
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
        told: false,
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
    record.told ||= (event ?? section) !== undefined;
    if (text.startsWith('It has been corrected by h/w')) record.severity ??= 'corrected';
    const category = sectionCategory(text);
    if (category !== null) record.current.category = category;
    else record.current.category ??= fieldCategory(text);
    addSectionField(record.current, text);
    conclude(record);
  }

  #section(record: Record, link: string, word: string): void {
    if (record.begun) {
      // Of several sections each has a severity of its own; of one, the kernel acts on the event's.
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
    // The first line may be gone.
    if (body.startsWith('event severity: ') || this.#previousSeen === 0) this.#previousSeen++;
    return true;
  }
}

/** Whether only a firmware record has such a line. */
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
  const { current, sections, severity, own, told } = record;
  current.severity = sections === 1 ? (severity ?? own) : (own ?? severity);
  // The lines that say it may be gone.
  if (!told && isCorrectedType(current.detail)) current.severity ??= 'corrected';
  // The kernel compares a GHES severity with a CPER constant, so what it counts is informational.
  const counted = current.source === 'ghes' && current.severity === 'informational';
  current.hwerrCategory = counted ? current.category : null;
  if (current === record.lead) return;
  const leads = tellsMore(current, record.lead);
  current.secondary = !leads;
  if (!leads) return;
  record.lead.secondary = true;
  record.lead = current;
}

/** By the worse severity, then by the part that it names; of equals the first. */
function tellsMore(one: Finding, other: Finding): boolean {
  if (one.severity !== other.severity) return worse(one.severity, other.severity) === one.severity;
  return telling(one) > telling(other);
}

/** What could be replaced says more than an address, and that more than the CPU that met the error. */
function telling({ place }: Finding): number {
  if ((place.label ?? place.location ?? place.pciAddress) !== undefined) return 3;
  if (place.physicalAddress !== undefined) return 2;
  return (place.mpidr ?? place.apicId) === undefined ? 0 : 1;
}
