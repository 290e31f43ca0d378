// Enhanced Error Handling of PCI on POWER. arch/powerpc/kernel/eeh.c, eeh_driver.c. An error of a
// partitionable endpoint prints messages until it is recovered or given up.

import type { Finding, Findings, Recogniser } from './finding.ts';
import type { Line } from './line.ts';

const PREFIX = /^EEH(?: ?\(\d{1,10}\))?: /;
const HEAD =
  /^(?:(?:Recovering|Frozen) PHB#([0-9a-f]{1,8})(?:-PE#([0-9a-f]{1,8}))?(?:\W|$)|PHB#([0-9a-f]{1,8}) failure detected)/i;
const POWERNV = /^Frozen PE#([0-9a-f]{1,8}) on PHB#([0-9a-f]{1,8}) detected/i;
const DEAD =
  /^(?:(Fenced) PHB#([0-9a-f]{1,8}) detected|dead (?:PHB#([0-9a-f]{1,8})|(IOC)) detected)/i;
const LOCATION = /^(?:PE location: |.{0,40}, location: )([^,]{1,128})/;
/** `PCI 0001:01:00.0#10000: EEH: Invoking …`: eeh_driver.c eeh_edev_info(). */
const DEVICE = /^PCI ([0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])#[0-9a-f]{1,8}: EEH/;
const ADDRESS = /^of node=([0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}[.:][0-7])/;
const RECOVERED = 'Recovery successful';
const GIVEN_UP =
  /Unable to recover from failure|has failed \d{1,6} times in the last hour and has been permanently disabled/;

interface Head {
  readonly pe: string;
  /** The message about the endpoint. */
  readonly words: string;
}

interface Failure {
  readonly finding: Finding;
  readonly heads: Set<string>;
}

/**
 * Finds frozen and fenced PCI endpoints and host bridges of POWER, one error for each until its recovery
 * ends; fatal if they are dead or given up.
 */
export class EehRecogniser implements Recogniser {
  readonly #findings: Findings;
  /** Errors whose recovery has not ended, by endpoint; the newest last. */
  readonly #open = new Map<string, Failure>();

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  offer(line: Line): boolean {
    if (line.text.startsWith('PCI ')) return this.#device(line);
    const prefix = line.text.startsWith('EEH') ? PREFIX.exec(line.text)?.[0] : undefined;
    if (prefix === undefined) return false;
    const text = line.text.slice(prefix.length);
    const pe = endpointOf(text);
    const words = text.split('#', 1)[0] ?? '';
    if (pe !== null) this.#head(line, { pe, words }, /^dead/i.test(text));
    else this.#detail(line, text);
    const finding = this.#newest;
    const location = LOCATION.exec(text)?.[1];
    if (finding !== undefined && location !== undefined && location !== 'N/A') {
      finding.place.location ??= location;
    }
    return true;
  }

  get #newest(): Finding | undefined {
    return [...this.#open.values()].at(-1)?.finding;
  }

  /** The same message a second time belongs to another error: the end of the previous one is missing. */
  #head(line: Line, { pe, words }: Head, dead: boolean): void {
    const known = this.#open.get(pe);
    if (known !== undefined && !known.heads.has(words)) {
      known.heads.add(words);
      known.finding.lastTime = line.time;
      return;
    }
    const finding = this.#findings.open(line, {
      kind: 'other',
      source: 'eeh',
      category: 'pci',
      severity: dead ? 'fatal' : 'recoverable',
      place: { pe },
    });
    // More concurrent errors than any machine has endpoints.
    if (this.#open.size >= 64) this.#open.clear();
    this.#open.delete(pe);
    this.#open.set(pe, { finding, heads: new Set([words]) });
  }

  #detail(line: Line, text: string): void {
    const finding = this.#newest;
    if (finding === undefined) return;
    finding.lastTime = line.time;
    const address = ADDRESS.exec(text)?.[1];
    if (address !== undefined) finding.place.pciAddress ??= address.replace(/:([0-7])$/, '.$1');
    if (text.startsWith(RECOVERED)) this.#close(finding, 'recovery successful');
    if (!GIVEN_UP.test(text)) return;
    finding.severity = 'fatal';
    this.#close(finding, 'recovery failed');
  }

  #device(line: Line): boolean {
    const address = DEVICE.exec(line.text)?.[1];
    if (address === undefined) return false;
    const finding = this.#newest;
    if (finding !== undefined) finding.place.pciAddress ??= address;
    return true;
  }

  #close(finding: Finding, outcome: string): void {
    finding.outcome = outcome;
    this.#open.delete(finding.place.pe ?? '');
  }
}

function endpointOf(text: string): string | null {
  const powernv = POWERNV.exec(text);
  if (powernv !== null) return `PHB#${powernv[2] ?? ''}-PE#${powernv[1] ?? ''}`;
  const dead = DEAD.exec(text);
  if (dead !== null) return dead[4] ?? `PHB#${dead[2] ?? dead[3] ?? ''}`;
  const [, endpointPhb, pe, failedPhb] = HEAD.exec(text) ?? [];
  const phb = endpointPhb ?? failedPhb;
  if (phb === undefined) return null;
  return pe === undefined ? `PHB#${phb}` : `PHB#${phb}-PE#${pe}`;
}
