-- What version 5 of the ledger has and version 4 had not: what kept runs, and for how long.
CREATE TABLE waits (
    wait INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs (run),
    code TEXT NOT NULL, owner TEXT NOT NULL,
    since REAL NOT NULL, until REAL NOT NULL,
    parameters TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX waits_by_end ON waits (until);
