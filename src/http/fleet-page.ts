// Pages for many hosts: a table of crashes, and crashes grouped by signature.

import { toneOf } from './card.ts';
import { document } from './document.ts';
import { filterForm, pager, range } from './filter-form.ts';
import { type Html, html } from './html.ts';
import { type CrashQuery, narrowed, queryOf } from './selection.ts';
import { troubles } from './state.ts';
import type { CrashView, SignatureView, SignaturesView, StatusView } from './views.ts';
import type { Sort } from '../selection.ts';
import { ago, isoDate, sharedBy, shortDate, verdictBrief } from '../wording.ts';

/** Returns the table of crashes as HTML. */
export function crashesPage(view: StatusView, query: CrashQuery, nowSeconds: number): string {
  const { crashes, matching, recorded } = view;
  const counts = { all: recorded, matching, shown: crashes.length };
  return page(
    'Crashes',
    html`${troubles(view, nowSeconds)} ${filterForm(view.hosts, query)}
      <p class="dim">${range('crashes', counts, query)}. ${links('signatures', query)}</p>
      ${crashes.length === 0 ? undefined : crashTable(crashes, query)}
      ${pager(matching, query, ['Previous page', 'Next page'])}`,
  );
}

function page(title: string, main: Html): string {
  return document(
    `hwerr-exporter: ${title}`,
    html`<header>
        <h1>${title}</h1>
        <p><a href="./">Status</a></p>
      </header>
      <main class="fleet">${main}</main>
      <footer></footer>`,
  );
}

const OTHER_PAGE = { signatures: 'By signature', crashes: 'Table of crashes' } as const;

/** Returns links to the same selection in other forms. */
function links(other: keyof typeof OTHER_PAGE, query: CrashQuery): Html {
  const filter = queryOf(query, { sort: undefined, limit: undefined, offset: undefined });
  return html`The same: <a href="${other}${filter}">${OTHER_PAGE[other]}</a>,
    <a href="crashes.csv${filter}">CSV</a>,
    <a href="api/v1/${other === 'crashes' ? 'signatures' : 'crashes'}${queryOf(query, {})}"
      >JSON</a
    >`;
}

function crashTable(crashes: readonly CrashView[], query: CrashQuery): Html {
  return html`<table>
    <caption class="hidden">
      Crashes
    </caption>
    <thead>
      <tr>
        ${heading('Crashed', query, 'newest', 'oldest')} ${heading('Host', query, 'host')}
        ${heading('Hardware error', query, 'verdict')} ${heading('Kernel', query, 'kernel')}
        ${heading('Model', query, 'model')}
        <th scope="col" class="wide">Signature</th>
      </tr>
    </thead>
    <tbody>
      ${crashes.map((crash) => crashRow(crash, query))}
    </tbody>
  </table>`;
}

/** Returns the heading of a column by which the table can be sorted. */
function heading(text: string, query: CrashQuery, sort: Sort, reverse?: Sort): Html {
  const current = query.selection.sort;
  const isSorted = current === sort || current === reverse;
  const next = current === sort && reverse !== undefined ? reverse : sort;
  const order = sort === 'newest' && current === sort ? 'descending' : 'ascending';
  return html`<th
    scope="col"
    class="${sort === 'kernel' || sort === 'model' ? 'wide' : ''}"
    ${isSorted ? html`aria-sort="${order}"` : undefined}
  >
    <a href="${narrowed(query, { sort: next })}">${text}</a>
  </th>`;
}

function crashRow(crash: CrashView, query: CrashQuery): Html {
  const { id, host, verdict, kernelRelease, machine, signatureId, crash: facts } = crash;
  return html`<tr class="${toneOf(verdict)}" data-id="${id}">
    <td>${crashed(crash)}</td>
    <td class="name"><a href="${narrowed(query, { host })}">${host}</a></td>
    <td class="answer"><a href="crash/${encodeURIComponent(id)}">${verdictBrief(verdict)}</a></td>
    <td class="wide name">
      <a href="${narrowed(query, { kernel: kernelRelease })}">${kernelRelease}</a>
    </td>
    <td class="wide">
      ${machine === null ? undefined : html`<a href="${narrowed(query, { model: machine })}">${machine}</a>`}
    </td>
    <td class="wide">
      ${
        signatureId !== null && facts !== null
          ? html`<a href="${narrowed(query, { signature: signatureId })}"
              >${facts.type} ${facts.pc ?? facts.frames[0] ?? ''}</a
            >`
          : undefined
      }
    </td>
  </tr>`;
}

function crashed({ crashTimeSeconds: seconds }: CrashView): Html {
  if (seconds === null) return html`unknown`;
  const iso = isoDate(seconds);
  const [day = '', ...clock] = shortDate(seconds).split(' ');
  const text = html`<span class="day">${day}</span> ${clock.join(' ')}`;
  return iso === undefined ? text : html`<time datetime="${iso}">${text}</time>`;
}

/** Returns crashes grouped by signature as HTML. */
export function signaturesPage(
  view: SignaturesView,
  query: CrashQuery,
  nowSeconds: number,
): string {
  const { signatures, total, unsigned } = view;
  const counts = { all: total, matching: total, shown: signatures.length };
  return page(
    'Crashes by signature',
    html`${filterForm(view.hosts, query)}
      <p class="dim">
        Crashes with one signature died in the same place.
        ${range('signatures', counts, query)}${
          unsigned === 0 ? '' : `; of ${unsigned} more crashes no log says what the kernel died of`
        }.
        ${links('crashes', query)}
      </p>
      ${signatures.map((one) => signatureCard(one, query, nowSeconds))}
      ${pager(total, query, ['Previous page', 'Next page'])}`,
  );
}

function signatureCard(group: SignatureView, query: CrashQuery, nowSeconds: number): Html {
  const { signatureId, signature, crashes, ofHardware, newest } = group;
  const filter = { signature: signatureId };
  const shared = sharedBy(group);
  return html`<article class="${ofHardware > 0 ? 'bad' : ''}" data-id="${signatureId}">
    <h2><a href="crashes${narrowed(query, filter)}">${signature}</a></h2>
    <dl>
      <dt>Crashes</dt>
      <dd>
        ${crashes}, the newest
        <a href="crash/${encodeURIComponent(newest.id)}"
          >${ago(newest.orderedSeconds, nowSeconds)}</a
        >
      </dd>
      <dt>Hardware errors</dt>
      <dd class="${ofHardware > 0 ? 'near' : ''}">
        in or shortly before ${ofHardware} of ${crashes}
      </dd>
      <dt>Hosts</dt>
      <dd>${group.hosts === 1 ? newest.host : group.hosts}</dd>
      <dt>Kernels</dt>
      <dd>${group.kernels === 1 ? newest.kernelRelease : group.kernels}</dd>
      <dt>Models</dt>
      <dd>${models(group)}</dd>
      ${
        shared &&
        html`<dt>Shared</dt>
          <dd>${shared}</dd>`
      }
    </dl>
  </article>`;
}

function models({ models: known, unnamed, newest }: SignatureView): string {
  const named = known === 1 && newest.machine !== null ? newest.machine : String(known);
  if (unnamed === 0) return named;
  return known === 0 ? 'unknown' : `${named}; of ${unnamed} crashes unknown`;
}
