// Claims decide which of the collectors that share a ledger decodes a file: the one that claimed it, as long
// as it renews its claims. Claims of a dead collector expire. A claim only saves work: a crash that two
// collectors decode counts once anyway.

import { randomUUID } from 'node:crypto';
import type { Claim, ClaimedFile, FileResult } from './engine.ts';
import { sha256 } from './identity.ts';
import { type Row, type Work, change, rows, run, together } from './statements.ts';

/** Lifetime of a claim without renewal, by the clock of the database. */
const CLAIM_SECONDS = 30;

/** The claims of one collector. */
export class ClaimTable {
  readonly #owner = randomUUID();
  readonly #claimed = new Set<string>();

  /** Claims files for decoding. @returns the answer for each. */
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
    for (const object of ours) this.#claimed.add(String(object));
    // Another collector may have finished a file between these statements.
    const known = new Map([...before, ...(yield* knownResults(unknown))]);
    yield* this.giveBack(unknown.filter((file) => known.has(keyOf(file))));
    return files.map(
      (file) => known.get(keyOf(file)) ?? (ours.has(objectOf(file)) ? 'ours' : 'taken'),
    );
  }

  /** Releases the claims on files that were decoded or will not be. */
  *giveBack(files: readonly ClaimedFile[]): Work<void> {
    const objects = files.map(objectOf).filter((object) => this.#claimed.delete(object));
    if (objects.length === 0) return;
    yield* run(
      `DELETE FROM claim WHERE owner = :owner
         AND object IN (SELECT json_array_elements_text(CAST(:objects AS JSON)))`,
      { owner: this.#owner, objects: JSON.stringify(objects) },
    );
  }

  /** Renews all claims, and deletes those of collectors gone for an hour. */
  *renew(): Work<void> {
    if (this.#claimed.size === 0) return;
    yield* together([
      change(`UPDATE claim SET until = now() + interval '${CLAIM_SECONDS} s' WHERE owner = ?`, [
        this.#owner,
      ]),
      change(`DELETE FROM claim WHERE until < now() - interval '1 hour'`),
    ]);
  }
}

/** The table of claims, which only shared ledgers have. */
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
  const wanted = files.map(({ root, path }) => ({ root, path }));
  const found = yield* rows(
    `SELECT root, path, version, result FROM file JOIN
       json_to_recordset(CAST(? AS JSON)) AS asked (root TEXT, path TEXT) USING (root, path)`,
    [JSON.stringify(wanted)],
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
