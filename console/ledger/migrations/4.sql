-- What version 4 of the ledger has and version 3 had not.
CREATE TABLE acceptances (
    run INTEGER NOT NULL, segment INTEGER NOT NULL, reason TEXT NOT NULL, actor TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (run, segment)
) WITHOUT ROWID;
ALTER TABLE failures ADD COLUMN others_well INTEGER;
ALTER TABLE failures ADD COLUMN mended INTEGER NOT NULL DEFAULT 0;
