-- What version 5 of the ledger has and version 4 had not.
-- What kept runs, and for how long; whom somebody was called for.
CREATE TABLE waits (
    wait INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs (run),
    code TEXT NOT NULL, owner TEXT NOT NULL,
    since REAL NOT NULL, until REAL NOT NULL,
    parameters TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX waits_by_end ON waits (until);
CREATE TABLE alerts (
    alert INTEGER PRIMARY KEY AUTOINCREMENT,
    code TEXT NOT NULL, subject TEXT NOT NULL, parameters TEXT NOT NULL DEFAULT '{}',
    since REAL NOT NULL, fired_at REAL NOT NULL,
    told_at REAL,
    ended_at REAL, acknowledged_by TEXT, acknowledged_at REAL
);
CREATE INDEX open_alerts ON alerts (code, subject) WHERE ended_at IS NULL;
-- Who is called: events of what is stuck, and of what failed alike.
ALTER TABLE events ADD COLUMN alert TEXT NOT NULL DEFAULT '';
ALTER TABLE events ADD COLUMN kind TEXT NOT NULL DEFAULT '';
ALTER TABLE events ADD COLUMN alike INTEGER;
DROP INDEX bad_events;
CREATE INDEX events_that_call ON events (event) WHERE level = 'bad' OR alert <> '' OR alike IS NOT NULL;
-- When the last results came (console.ledger.movement).
CREATE INDEX results_by_time ON runs (finished_at) WHERE state = 'done';
-- What is taken back.
ALTER TABLE runs ADD COLUMN queued_by INTEGER;
-- What people say of a run, and which consoles are open.
CREATE TABLE notes (
    note INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs (run), at REAL NOT NULL, actor TEXT NOT NULL, text TEXT NOT NULL
);
CREATE INDEX notes_by_run ON notes (run);
CREATE TABLE claims (run INTEGER PRIMARY KEY REFERENCES runs (run), at REAL NOT NULL, actor TEXT NOT NULL);
CREATE TABLE consoles (
    console TEXT PRIMARY KEY,
    who TEXT NOT NULL, opened REAL NOT NULL, seen REAL NOT NULL,
    open INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX events_by_kind ON events (kind, event) WHERE kind != '';
CREATE INDEX alike_events ON events (alike) WHERE alike IS NOT NULL;
