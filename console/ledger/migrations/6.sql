-- What version 6 of the ledger has and version 5 had not: work on runs that are still being recorded.
ALTER TABLE runs ADD COLUMN closed TEXT NOT NULL DEFAULT '{}';
ALTER TABLE runs ADD COLUMN early TEXT NOT NULL DEFAULT '{}';
