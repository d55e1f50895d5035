-- What version 4 of the ledger has and version 3 had not.
CREATE TABLE acceptances (
    run INTEGER NOT NULL, segment INTEGER NOT NULL, reason TEXT NOT NULL, actor TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (run, segment)
) WITHOUT ROWID;
ALTER TABLE failures ADD COLUMN others_well INTEGER;
ALTER TABLE failures ADD COLUMN mended INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN launched_started REAL;
ALTER TABLE runs ADD COLUMN launched_title TEXT;
CREATE TABLE results (
    run INTEGER PRIMARY KEY REFERENCES runs (run),
    size INTEGER NOT NULL, modified_ns INTEGER NOT NULL, inode INTEGER NOT NULL,
    sha256 TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE INDEX results_to_compare ON evidence (run) WHERE code = 'file.comparing';
CREATE TABLE troubles (
    source TEXT NOT NULL, chore TEXT NOT NULL,
    at REAL NOT NULL,
    problem TEXT NOT NULL, login INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (source, chore)
) WITHOUT ROWID;
ALTER TABLE sources ADD COLUMN failed_at REAL;
ALTER TABLE sources ADD COLUMN told_at REAL;
ALTER TABLE sources ADD COLUMN told INTEGER NOT NULL DEFAULT 0;
INSERT INTO troubles SELECT name, '', tried_at, problem, login FROM sources WHERE problem <> '';
UPDATE sources SET failed_at = tried_at, told_at = tried_at, told = 1 WHERE problem <> '';
ALTER TABLE sources DROP COLUMN problem;
ALTER TABLE sources DROP COLUMN login;
