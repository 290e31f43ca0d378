import { expect, it } from 'vitest';

import { landingPage } from '../../src/http/landing.ts';

it('landingPage escapes what it is given', () => {
  const page = landingPage('<1>&', `/"'><script>`);
  expect(page).toContain('&#60;1&#62;&#38;');
  expect(page).toContain('href="/&#34;&#39;&#62;&#60;script&#62;"');
  expect(page).not.toContain('<script>');
});
