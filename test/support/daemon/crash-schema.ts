// The published shape of a crash as JSON, deploy/docs/crashes.schema.json.

import { readFileSync } from 'node:fs';

import { z } from 'zod';

const FILE = new URL('../../../deploy/docs/crashes.schema.json', import.meta.url);
const schema = JSON.parse(readFileSync(FILE, 'utf8')) as Record<string, unknown>;

/** Of the list of the API. */
export const LIST_SCHEMA: z.ZodType = z.fromJSONSchema(schema);

/** One of its definitions: what a line of the command line, or another answer, is. */
export function schemaOf(definition: string): z.ZodType {
  const { $schema, $defs } = schema;
  return z.fromJSONSchema({ $schema, $ref: `#/$defs/${definition}`, $defs } as never);
}
