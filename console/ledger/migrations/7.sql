-- What version 7 of the ledger has and version 6 had not: whether a run is streamed can be chosen for it alone.
ALTER TABLE runs ADD COLUMN streaming INTEGER;
