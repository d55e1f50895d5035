-- What version 2 of the ledger has and version 1 had not: retries, cancels that are seen through, hints to Flows.
ALTER TABLE runs ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN wish TEXT NOT NULL DEFAULT '{}';
ALTER TABLE runs ADD COLUMN again_at REAL;
ALTER TABLE runs ADD COLUMN launched_sizes TEXT NOT NULL DEFAULT '{}';
ALTER TABLE runs ADD COLUMN held_by TEXT;
ALTER TABLE attempts ADD COLUMN cancel_by TEXT;
ALTER TABLE attempts ADD COLUMN cancel_at REAL;
CREATE TABLE failures (
    attempt INTEGER NOT NULL REFERENCES attempts (attempt), run INTEGER NOT NULL,
    stage TEXT NOT NULL, segment INTEGER NOT NULL,
    kind TEXT NOT NULL,
    cause TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (attempt, stage, segment)
) WITHOUT ROWID;
CREATE INDEX failures_by_run ON failures (run);
CREATE TABLE waivers (
    run INTEGER NOT NULL, segment INTEGER NOT NULL, reason TEXT NOT NULL, actor TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (run, segment)
) WITHOUT ROWID;
CREATE TABLE cancel_lines (
    attempt INTEGER NOT NULL REFERENCES attempts (attempt),
    kind TEXT NOT NULL, id TEXT NOT NULL,
    what TEXT NOT NULL,
    seen TEXT NOT NULL DEFAULT '',
    gone_at REAL,
    PRIMARY KEY (attempt, kind, id)
) WITHOUT ROWID;
CREATE TABLE nudges (
    nudge INTEGER PRIMARY KEY AUTOINCREMENT,
    attempt INTEGER NOT NULL REFERENCES attempts (attempt), stage TEXT NOT NULL,
    at REAL NOT NULL, ended_at REAL,
    moved_at REAL,
    problem TEXT NOT NULL DEFAULT ''
);
ALTER TABLE evidence ADD COLUMN seconds REAL;
CREATE TABLE reports (
    attempt INTEGER NOT NULL REFERENCES attempts (attempt), run INTEGER NOT NULL,
    stage TEXT NOT NULL, segment INTEGER NOT NULL,
    state TEXT NOT NULL,
    why TEXT NOT NULL DEFAULT '',
    actor TEXT NOT NULL, asked_at REAL NOT NULL,
    submission TEXT, task TEXT,
    fetched_at REAL,
    document TEXT NOT NULL DEFAULT '{}',
    PRIMARY KEY (attempt, stage, segment)
);
CREATE INDEX reports_by_run ON reports (run);
CREATE INDEX runs_by_updated ON runs (updated);
CREATE INDEX bad_events ON events (event) WHERE level = 'bad';
