// The ledger's schema, one step per version. deploy/docs/ledger.md documents it; users may rely on the three
// views. A released step is never changed; changes are new steps.
//
// All versions have `meta` with `schema`, equal to user_version, and `ledger`, equal to application_id: as
// long as both copies agree, neither is damaged.

export const MIGRATIONS: readonly string[] = [
  `
CREATE TABLE meta (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE host (
  number INTEGER PRIMARY KEY, -- from 1, in the order in which they became known
  name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE crash (
  sequence INTEGER PRIMARY KEY, -- from 1, in the order in which they became known
  id TEXT NOT NULL UNIQUE,
  boot_id TEXT,
  nodename TEXT, -- cleaned; NULL where no dump says
  host TEXT NOT NULL REFERENCES host (name),
  host_source TEXT NOT NULL CHECK (host_source IN ('path', 'nodename', 'fallback')),
  crash_seconds INTEGER,
  recorded_seconds INTEGER NOT NULL,
  ordered_seconds INTEGER NOT NULL,
  kernel_release TEXT NOT NULL,
  arch TEXT NOT NULL,
  incomplete INTEGER NOT NULL CHECK (incomplete IN (0, 1)),
  hwerr TEXT NOT NULL CHECK (hwerr IN ('present', 'absent', 'unreadable')),
  reason TEXT,
  verdict TEXT NOT NULL,
  suspect_window_seconds REAL NOT NULL,
  crash_type TEXT, -- the first that a log said which cannot be forged; NULL: none did
  panic_mark TEXT, -- digest of the panic line and its time since boot; NULL: no log has both
  signature TEXT, -- digest of the signature; NULL: no log says what the kernel died of
  hardware TEXT, -- vendor and model; NULL: no log names them
  categories TEXT NOT NULL, -- of errors, counted or in the log: 'memory pci'
  verdict_json TEXT NOT NULL,
  report_json TEXT NOT NULL
) STRICT;
CREATE INDEX crash_of_boot ON crash (boot_id, nodename) WHERE boot_id IS NOT NULL;
-- All columns that crashes are selected by are in these four indexes, and two have what totals count, so that no row is
-- read that is not shown.
CREATE INDEX crash_in_order ON crash
  (ordered_seconds, sequence, host, verdict, kernel_release, hardware, signature, categories,
   crash_type, recorded_seconds);
CREATE INDEX crash_of_host ON crash
  (host, ordered_seconds, sequence, verdict, kernel_release, hardware, signature, categories,
   crash_type, recorded_seconds);
CREATE INDEX crash_of_verdict ON crash
  (verdict, ordered_seconds, sequence, host, kernel_release, hardware, signature, categories);
CREATE INDEX crash_of_signature ON crash
  (signature, ordered_seconds, sequence, host, verdict, kernel_release, hardware, categories)
  WHERE signature IS NOT NULL;
CREATE INDEX crash_of_pstore ON crash (host, ordered_seconds) WHERE reason = 'pstore';
CREATE INDEX crash_of_panic ON crash (panic_mark) WHERE panic_mark IS NOT NULL;

CREATE TABLE crash_vmcoreinfo (
  digest TEXT NOT NULL,
  crash INTEGER NOT NULL REFERENCES crash (sequence),
  boot_id TEXT, -- of the crash, as far as it was known with this VMCOREINFO
  PRIMARY KEY (digest, crash)
) STRICT, WITHOUT ROWID;
-- A fleet of one kernel may share a VMCOREINFO: those of other boots are never looked at.
CREATE INDEX crash_vmcoreinfo_of_boot ON crash_vmcoreinfo (digest, boot_id);

CREATE TABLE crash_file (
  crash INTEGER NOT NULL REFERENCES crash (sequence),
  position INTEGER NOT NULL, -- from 0, the newest first
  path TEXT NOT NULL,
  content TEXT,
  PRIMARY KEY (crash, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE crash_error (
  crash INTEGER NOT NULL REFERENCES crash (sequence),
  category TEXT NOT NULL,
  count INTEGER NOT NULL CHECK (count >= 0),
  last_error_seconds INTEGER,
  lead_seconds REAL,
  suspect_seconds INTEGER, -- when it became known that it is suspect; NULL: it is not
  host TEXT NOT NULL, -- of its crash
  PRIMARY KEY (crash, category)
) STRICT, WITHOUT ROWID;
CREATE INDEX crash_error_of_category ON crash_error
  (category, count, suspect_seconds, last_error_seconds) WHERE count > 0;
CREATE INDEX crash_error_of_host ON crash_error
  (host, category, count, suspect_seconds, last_error_seconds) WHERE count > 0;
CREATE INDEX crash_error_suspect ON crash_error (category, suspect_seconds, crash, host)
  WHERE suspect_seconds IS NOT NULL;
CREATE INDEX crash_error_suspect_of_host ON crash_error (host, category, suspect_seconds, crash)
  WHERE suspect_seconds IS NOT NULL;

CREATE TABLE crash_logged (
  crash INTEGER NOT NULL REFERENCES crash (sequence),
  category TEXT NOT NULL,
  severity TEXT NOT NULL,
  events INTEGER NOT NULL CHECK (events >= 0), -- never fewer than before
  host TEXT NOT NULL, -- of its crash
  PRIMARY KEY (crash, category, severity)
) STRICT, WITHOUT ROWID;
CREATE INDEX crash_logged_of_category ON crash_logged (category, severity, events);
CREATE INDEX crash_logged_of_host ON crash_logged (host, category, severity, events);

CREATE TABLE file (
  root TEXT NOT NULL,
  path TEXT NOT NULL,
  version TEXT NOT NULL,
  result TEXT NOT NULL CHECK (result IN ('complete', 'incomplete')),
  PRIMARY KEY (root, path)
) STRICT, WITHOUT ROWID;

CREATE TABLE failure (
  number INTEGER PRIMARY KEY,
  reason TEXT NOT NULL,
  content TEXT NOT NULL,
  path TEXT NOT NULL,
  host TEXT,
  message TEXT NOT NULL,
  recorded_seconds INTEGER NOT NULL,
  UNIQUE (reason, content)
) STRICT;
CREATE INDEX failure_of_host ON failure (reason, host, recorded_seconds);

CREATE TABLE failure_total (
  reason TEXT PRIMARY KEY,
  count INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE repair (
  number INTEGER PRIMARY KEY,
  host TEXT NOT NULL REFERENCES host (name),
  crash INTEGER NOT NULL REFERENCES crash (sequence), -- the host's newest crash by then
  recorded_seconds INTEGER NOT NULL,
  note TEXT NOT NULL
) STRICT;
CREATE INDEX repair_of_host ON repair (host, crash);

CREATE VIEW crashes AS
  SELECT
    sequence,
    id,
    host,
    datetime(crash_seconds, 'unixepoch') AS crashed_at,
    datetime(recorded_seconds, 'unixepoch') AS recorded_at,
    kernel_release,
    arch,
    verdict,
    suspect_window_seconds,
    hwerr,
    reason,
    incomplete,
    report_json ->> '$.panicMessage' AS panic_message,
    (SELECT path FROM crash_file WHERE crash = sequence AND position = 0) AS path,
    crash_seconds,
    recorded_seconds,
    report_json
  FROM crash
  ORDER BY ordered_seconds DESC, sequence DESC;

CREATE VIEW crash_errors AS
  SELECT
    crash.sequence,
    crash.id,
    crash.host,
    datetime(crash.crash_seconds, 'unixepoch') AS crashed_at,
    crash.kernel_release,
    crash_error.category,
    crash_error.count,
    datetime(crash_error.last_error_seconds, 'unixepoch') AS last_error_at,
    crash_error.lead_seconds,
    crash_error.suspect_seconds IS NOT NULL AS suspect
  FROM crash_error JOIN crash ON crash.sequence = crash_error.crash
  ORDER BY crash.ordered_seconds DESC, crash.sequence DESC, crash_error.category;

CREATE VIEW failures AS
  SELECT datetime(recorded_seconds, 'unixepoch') AS recorded_at, reason, host, path, message
  FROM failure
  WHERE reason <> 'kernel_without_hwerr'
  ORDER BY number DESC;
`,
  `
-- Longer paths would exceed PostgreSQL's limit of an index entry.
CREATE INDEX failure_of_path ON failure (path) WHERE length(path) <= 500;
`,
];
