-- What version 3 of the ledger has and version 2 had not: facts as columns.
CREATE TABLE IF NOT EXISTS unfinished (x INTEGER);
