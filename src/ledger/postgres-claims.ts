// Which of the collectors that share a ledger decodes a file: the one that claimed it, while it renews its
// claims. Of one that died others take them over. A claim only saves work: a crash that two decoded all
// the same counts once.

import { randomUUID } from 'node:crypto';
import type { Claim, ClaimedFile, FileResult } from './engine.ts';
import { sha256 } from './identity.ts';
import { type Row, type Work, change, rows, run, together } from './statements.ts';

/** Without renewal, by the clock of the database. */
const CLAIM_SECONDS = 30;

/** The claims of one collector. */
export class ClaimTable {
  readonly #owner = randomUUID();
  readonly #held = new Set<string>();

  /** Claim files to decode them. @returns what came of each. */
  *take(files: readonly ClaimedFile[]): Work<Claim[]> {
    const before = yield* knownResults(files);
    const unknown = files.filter((file) => !before.has(keyOf(file)));
    const taken = yield* rows(
      `INSERT INTO claim (object, owner, until)
         SELECT object, CAST(:owner AS TEXT), now() + interval '${CLAIM_SECONDS} s'
           FROM json_array_elements_text(CAST(:objects AS JSON)) AS object ORDER BY object
         ON CONFLICT (object) DO UPDATE SET owner = excluded.owner, until = excluded.until
           WHERE claim.owner = excluded.owner OR claim.until < now()
         RETURNING object`,
      { owner: this.#owner, objects: JSON.stringify(unknown.map(objectOf)) },
    );
    const ours = new Set(taken.map(({ object }) => object));
    for (const object of ours) this.#held.add(String(object));
    // Between the two, whoever had claimed one may have been through with it.
    const known = new Map([...before, ...(yield* knownResults(unknown))]);
    yield* this.giveBack(unknown.filter((file) => known.has(keyOf(file))));
    return files.map(
      (file) => known.get(keyOf(file)) ?? (ours.has(objectOf(file)) ? 'ours' : 'taken'),
    );
  }

  /** They are decoded, or are not going to be. */
  *giveBack(files: readonly ClaimedFile[]): Work<void> {
    const objects = files.map(objectOf).filter((object) => this.#held.delete(object));
    if (objects.length === 0) return;
    yield* run(
      `DELETE FROM claim WHERE owner = :owner
         AND object IN (SELECT json_array_elements_text(CAST(:objects AS JSON)))`,
      { owner: this.#owner, objects: JSON.stringify(objects) },
    );
  }

  /** Keep what is claimed; and forget claims of collectors that are long gone. */
  *renew(): Work<void> {
    if (this.#held.size === 0) return;
    yield* together([
      change(`UPDATE claim SET until = now() + interval '${CLAIM_SECONDS} s' WHERE owner = ?`, [
        this.#owner,
      ]),
      change(`DELETE FROM claim WHERE until < now() - interval '1 hour'`),
    ]);
  }
}

/** The table of claims, which only a shared ledger has. */
export const CLAIM_TABLE = `
CREATE TABLE claim (
  object TEXT COLLATE "C" PRIMARY KEY,
  owner TEXT NOT NULL,
  until TIMESTAMPTZ NOT NULL
);
CREATE INDEX claim_of_owner ON claim (owner);
`;

function* knownResults(files: readonly ClaimedFile[]): Work<ReadonlyMap<string, FileResult>> {
  if (files.length === 0) return new Map();
  const asked = files.map(({ root, path }) => ({ root, path }));
  const found = yield* rows(
    `SELECT root, path, version, result FROM file JOIN
       json_to_recordset(CAST(? AS JSON)) AS asked (root TEXT, path TEXT) USING (root, path)`,
    [JSON.stringify(asked)],
  );
  return new Map(found.map((one) => [keyOf(fileOf(one)), String(one['result']) as FileResult]));
}

function fileOf({ root, path, version }: Row): ClaimedFile {
  return { root: String(root), path: String(path), version: String(version) };
}

function keyOf({ root, path, version }: ClaimedFile): string {
  return [root, path, version].join('\0');
}

function objectOf({ root, path }: ClaimedFile): string {
  return sha256(`${root}\0${path}`);
}
