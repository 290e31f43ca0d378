// HTML templates that escape their parts: a part is text unless it is Html.

import { visible } from '../text.ts';

/** Markup that is safe to send; made only by `html`. */
export class Html {
  readonly markup: string;

  constructor(markup: string) {
    this.markup = markup;
  }
}

type Part = string | number | Html | undefined | readonly (string | Html)[];

/** Template tag for markup. Escapes parts that are not Html; undefined becomes nothing. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  const markup = parts.map((part, i) => `${rendered(part)}${strings[i + 1] ?? ''}`).join('');
  return new Html(`${strings[0] ?? ''}${markup}`);
}

function rendered(part: Part): string {
  if (part === undefined) return '';
  if (part instanceof Html) return part.markup;
  if (typeof part === 'object') return part.map(rendered).join('');
  return escaped(visible(String(part)));
}

function escaped(text: string): string {
  return text.replace(/[&<>"'`]/g, (character) => `&#${character.charCodeAt(0)};`);
}
