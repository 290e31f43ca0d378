// HTML from templates that escape by themselves: what is put in is text, unless it is Html already.

import { visible } from '../text.ts';

/** Markup that is safe to send. Only `html` makes it. */
export class Html {
  readonly markup: string;

  constructor(markup: string) {
    this.markup = markup;
  }
}

type Part = string | number | Html | undefined | readonly (string | Html)[];

/** The tag of markup templates: parts are escaped unless they are Html; undefined is nothing. */
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
