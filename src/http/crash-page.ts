// The page of one crash at /crash/ID, to which alerts link.

import { type CardOptions, counters, crashFacts, toneOf } from './card.ts';
import { document } from './document.ts';
import { html } from './html.ts';
import { deathSection, logSection } from './log-section.ts';
import type { CrashView } from './views.ts';
import { verdictText } from '../wording.ts';

/** Returns the page as HTML. */
export function crashPage(crash: CrashView, options: CardOptions): string {
  const { id, host, verdict, hwerr } = crash;
  return document(
    `Crash of ${host}: ${verdictText(verdict)}`,
    html`<header>
        <h1>Crash of ${host}</h1>
        <p><a href="../">All crashes</a></p>
      </header>
      <main>
        <article class="${toneOf(verdict)}" data-id="${id}">
          <h2>${verdictText(verdict)}</h2>
          ${crashFacts(crash, options)} ${deathSection(crash)}
        </article>
        ${hwerr.kind === 'present' ? counters(hwerr.categories, options.suspectWindowSeconds) : undefined}
        <h2>In the log</h2>
        ${logSection(crash, options.suspectWindowSeconds)}
      </main>
      <footer>
        <nav aria-label="Endpoints">
          <ul>
            <li><a href="../api/v1/crashes/${encodeURIComponent(id)}">JSON of crash ${id}</a></li>
            <li><a href="../?host=${encodeURIComponent(host)}">Crashes of ${host}</a></li>
          </ul>
        </nav>
      </footer>`,
    '../',
  );
}
