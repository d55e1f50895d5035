-- The ledger: one file per experiment. Times are seconds since the epoch (UTC). JSON columns hold compact documents.
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- One row per run: what the disk says (verdict, reason, ...) and where the run stands (state, why, progress).
CREATE TABLE runs (
    run INTEGER PRIMARY KEY,
    path TEXT NOT NULL,                     -- the run directory, as this machine sees it
    verdict TEXT NOT NULL,                  -- flowspec.readiness.Verdict, or 'gone'
    reason TEXT NOT NULL,                   -- one sentence for the verdict
    segments TEXT NOT NULL DEFAULT '[]',    -- JSON list of segment numbers on disk
    sizes TEXT NOT NULL DEFAULT '{}',       -- JSON {segment: bytes}
    bytes INTEGER NOT NULL DEFAULT 0,
    title TEXT NOT NULL DEFAULT '',
    started REAL, ended REAL,               -- BEGIN_RUN and END_RUN times as the DAQ wrote them
    fingerprint TEXT NOT NULL DEFAULT '',
    launched_fingerprint TEXT,              -- what was on disk when the newest attempt was planned
    state TEXT NOT NULL,                    -- console.states.RunState
    why TEXT NOT NULL DEFAULT '',
    progress TEXT NOT NULL DEFAULT '{}',    -- JSON {stage: {cell state: count}}
    result TEXT,                            -- path of the returned file, once it is verified
    ready_at REAL, finished_at REAL,
    updated REAL NOT NULL
);
CREATE INDEX runs_by_state ON runs (state);

-- One row per attempt: written as an intent before the flow run is started, completed afterwards.
CREATE TABLE attempts (
    attempt INTEGER PRIMARY KEY AUTOINCREMENT,
    run INTEGER NOT NULL REFERENCES runs (run),
    number INTEGER NOT NULL,
    tag TEXT NOT NULL UNIQUE,               -- carried by the flow run: how a lost reply is found again
    plan TEXT NOT NULL, body TEXT NOT NULL, label TEXT NOT NULL,
    flow_id TEXT NOT NULL, flow_run TEXT UNIQUE,
    state TEXT NOT NULL,                    -- console.states.AttemptState
    stage TEXT, why TEXT NOT NULL DEFAULT '',
    actor TEXT NOT NULL,
    intended_at REAL NOT NULL, started_at REAL, ended_at REAL,
    log_after TEXT,                         -- time of the newest flow log entry already folded
    visits TEXT NOT NULL DEFAULT '{}',      -- JSON of flowspec.flowlog: each stage as the flow log tells it
    UNIQUE (run, number)
);
CREATE INDEX attempts_by_state ON attempts (state);

-- A compute task of an attempt; the order is that of submission within its stage.
CREATE TABLE tasks (
    task TEXT PRIMARY KEY,
    attempt INTEGER NOT NULL REFERENCES attempts (attempt),
    stage TEXT NOT NULL, place INTEGER NOT NULL,
    ended INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX tasks_by_attempt ON tasks (attempt);

-- What each witness says of each place of the matrix; segment -1 stands for the whole run.
CREATE TABLE evidence (
    run INTEGER NOT NULL, stage TEXT NOT NULL, segment INTEGER NOT NULL, witness TEXT NOT NULL,
    says TEXT NOT NULL, note TEXT NOT NULL DEFAULT '', size INTEGER, attempt INTEGER, at REAL NOT NULL,
    PRIMARY KEY (run, stage, segment, witness)
) WITHOUT ROWID;

-- What a screen or a command asks of the driver, and the answer. Each is carried out once.
CREATE TABLE requests (
    request INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL, actor TEXT NOT NULL, verb TEXT NOT NULL, run INTEGER, args TEXT NOT NULL DEFAULT '{}',
    state TEXT NOT NULL DEFAULT 'asked',    -- asked, done, refused
    answer TEXT NOT NULL DEFAULT '', answered_at REAL
);
CREATE INDEX requests_by_state ON requests (state);

CREATE TABLE events (
    event INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL, actor TEXT NOT NULL, level TEXT NOT NULL, -- info, good, warning, bad
    run INTEGER, segment INTEGER, attempt INTEGER, text TEXT NOT NULL
);
CREATE INDEX events_by_run ON events (run);

-- When each source of data was last heard, and what is wrong with it now.
CREATE TABLE sources (name TEXT PRIMARY KEY, tried_at REAL NOT NULL, ok_at REAL, problem TEXT NOT NULL DEFAULT '') WITHOUT ROWID;

CREATE TABLE endpoints (
    endpoint TEXT PRIMARY KEY, name TEXT NOT NULL, stage TEXT NOT NULL,
    online INTEGER NOT NULL, since REAL NOT NULL, detail TEXT NOT NULL DEFAULT '{}'
) WITHOUT ROWID;
