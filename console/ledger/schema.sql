-- The ledger: one file per experiment. Times are seconds since the epoch (UTC). JSON columns hold compact documents.
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- One row per run: what the disk says (verdict, segments, ...) and where the run stands (state, progress); why, say its conditions.
CREATE TABLE runs (
    run INTEGER PRIMARY KEY,
    path TEXT NOT NULL,                     -- the run directory, as this machine sees it
    verdict TEXT NOT NULL,                  -- flowspec.readiness.Verdict, or 'gone'
    segments TEXT NOT NULL DEFAULT '[]',    -- JSON list of segment numbers on disk
    sizes TEXT NOT NULL DEFAULT '{}',       -- JSON {segment: bytes}
    bytes INTEGER NOT NULL DEFAULT 0,
    title TEXT NOT NULL DEFAULT '',
    started REAL, ended REAL,               -- BEGIN_RUN and END_RUN times as the DAQ wrote them
    fingerprint TEXT NOT NULL DEFAULT '',
    launched_fingerprint TEXT,              -- what was on disk when the newest attempt was planned
    state TEXT NOT NULL,                    -- flowspec.states.RunState
    progress TEXT NOT NULL DEFAULT '{}',    -- JSON {stage: {cell state: count}}
    result TEXT,                            -- path of the returned file, once it is verified
    ready_at REAL, finished_at REAL,
    updated REAL NOT NULL,
    priority INTEGER NOT NULL DEFAULT 0,    -- 0: data that just came in; 1: a reprocessing campaign, behind all of those
    wish TEXT NOT NULL DEFAULT '{}',        -- JSON of flowspec.plan.Wish: what a queued run is to do
    again_at REAL,                          -- when the driver retries a failed run by itself; NULL: it does not
    launched_sizes TEXT NOT NULL DEFAULT '{}', -- JSON {segment: bytes} when the newest attempt was planned
    held_by TEXT,                           -- who holds the queued run back; NULL: nobody
    launched_started REAL, launched_title TEXT, -- BEGIN_RUN of the take that was launched: its number may be taken again
    queued_by INTEGER,                      -- the request that put it into the queue, stays when it was started; NULL: none
    closed TEXT NOT NULL DEFAULT '{}',      -- JSON {segment: [version, time]} that nothing is written to any more, as it seems
    early TEXT NOT NULL DEFAULT '{}',       -- JSON {segment: version} that attempts took while the run was recorded
    streaming INTEGER                       -- 1, 0: somebody wants it worked on while it is recorded, or not; NULL: as the profile says
);
CREATE INDEX runs_by_state ON runs (state);
-- What screens ask for: the runs that changed since.
CREATE INDEX runs_by_updated ON runs (updated);
-- When the last results came.
CREATE INDEX results_by_time ON runs (finished_at) WHERE state = 'done';

-- Why each run is where it stands: of each topic what was found last. The words are made when they are read.
CREATE TABLE conditions (
    run INTEGER NOT NULL REFERENCES runs (run),
    topic TEXT NOT NULL,                    -- flowspec.conditions.Topic
    code TEXT NOT NULL,                     -- of flowspec.catalogue
    stage TEXT NOT NULL DEFAULT '', segment INTEGER NOT NULL DEFAULT -1, -- the place that it is about; '' and -1: the run
    attempt INTEGER REFERENCES attempts (attempt),
    severity TEXT NOT NULL, owner TEXT NOT NULL, -- flowspec.conditions.Severity and Owner, as the catalogue has them
    since REAL NOT NULL,
    parameters TEXT NOT NULL DEFAULT '{}',  -- JSON: what the words name
    PRIMARY KEY (run, topic, code, stage, segment)
) WITHOUT ROWID;

-- What kept a run for a minute or more, and does no longer: what waited for whom, and how long.
CREATE TABLE waits (
    wait INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs (run),
    code TEXT NOT NULL, owner TEXT NOT NULL, -- as the condition had them
    since REAL NOT NULL, until REAL NOT NULL,
    parameters TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX waits_by_end ON waits (until);

-- One row per attempt: written as an intent before the flow run is started, completed afterwards.
CREATE TABLE attempts (
    attempt INTEGER PRIMARY KEY AUTOINCREMENT,
    run INTEGER NOT NULL REFERENCES runs (run),
    number INTEGER NOT NULL,
    tag TEXT NOT NULL UNIQUE,               -- carried by the flow run: how a lost reply is found again
    plan TEXT NOT NULL, body TEXT NOT NULL, label TEXT NOT NULL,
    flow_id TEXT NOT NULL, flow_run TEXT UNIQUE,
    state TEXT NOT NULL,                    -- flowspec.states.AttemptState
    stage TEXT,
    actor TEXT NOT NULL,
    intended_at REAL NOT NULL, started_at REAL, ended_at REAL,
    log_after TEXT,                         -- time of the newest flow log entry already folded
    visits TEXT NOT NULL DEFAULT '{}',      -- JSON of flowspec.flowlog: each stage as the flow log has it
    cancel_by TEXT, cancel_at REAL,         -- who asked to cancel it, and when: the driver sees it through
    code TEXT NOT NULL DEFAULT '',          -- of flowspec.catalogue: how it ended, or what keeps it from its start
    parameters TEXT NOT NULL DEFAULT '{}',
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
    says TEXT NOT NULL, size INTEGER, attempt INTEGER, at REAL NOT NULL,
    seconds REAL,                           -- how long the work took, as the job reported it
    code TEXT NOT NULL DEFAULT '', parameters TEXT NOT NULL DEFAULT '{}', -- of flowspec.catalogue
    modified TEXT NOT NULL DEFAULT '',      -- of an output: when it was written, as its listing has it
    PRIMARY KEY (run, stage, segment, witness)
) WITHOUT ROWID;

-- Results that have come back and were not compared yet with what the site made.
CREATE INDEX results_to_compare ON evidence (run) WHERE code = 'file.comparing';

-- A place of the matrix at which an attempt failed: what automatic retries and the quarantine count.
CREATE TABLE failures (
    attempt INTEGER NOT NULL REFERENCES attempts (attempt), run INTEGER NOT NULL,
    stage TEXT NOT NULL, segment INTEGER NOT NULL, -- segment -1: the whole run
    kind TEXT NOT NULL,                     -- flowspec.causes.Kind
    at REAL NOT NULL,
    code TEXT NOT NULL DEFAULT '', parameters TEXT NOT NULL DEFAULT '{}', -- of flowspec.catalogue
    others_well INTEGER,                    -- other segments of the attempt that went well at this stage; NULL: it had none
    mended INTEGER NOT NULL DEFAULT 0,      -- 1: it went well at this place in a later attempt
    PRIMARY KEY (attempt, stage, segment)
) WITHOUT ROWID;
CREATE INDEX failures_by_run ON failures (run);

-- Segments that somebody decided to do without.
CREATE TABLE waivers (
    run INTEGER NOT NULL, segment INTEGER NOT NULL, reason TEXT NOT NULL, actor TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (run, segment)
) WITHOUT ROWID;

-- Segments whose output somebody takes as it is, although more was lost in it than the site tolerates.
CREATE TABLE acceptances (
    run INTEGER NOT NULL, segment INTEGER NOT NULL, reason TEXT NOT NULL, actor TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (run, segment)
) WITHOUT ROWID;

-- The result of each run on the DTN as it was judged last: it is judged again, and read, only when it has changed.
CREATE TABLE results (
    run INTEGER PRIMARY KEY REFERENCES runs (run),
    size INTEGER NOT NULL, modified_ns INTEGER NOT NULL, inode INTEGER NOT NULL,
    sha256 TEXT NOT NULL DEFAULT ''         -- '' when it was not read: the site gave none to compare with
) WITHOUT ROWID;

-- What must have ended after a cancel: the flow run, its transfer tasks, its compute tasks. Ticked only when observed.
CREATE TABLE cancel_lines (
    attempt INTEGER NOT NULL REFERENCES attempts (attempt),
    kind TEXT NOT NULL, id TEXT NOT NULL,   -- console.ledger.cancel_lines.LineKind
    stage TEXT NOT NULL DEFAULT '', segment INTEGER NOT NULL DEFAULT -1, -- of a task: what it does
    code TEXT NOT NULL DEFAULT 'seen.not-yet', parameters TEXT NOT NULL DEFAULT '{}', -- what was observed of it last
    gone_at REAL,
    PRIMARY KEY (attempt, kind, id)
) WITHOUT ROWID;

-- Each hint to Flows that an action has ended (resume_run), and when Flows moved after it.
CREATE TABLE hints (
    hint INTEGER PRIMARY KEY AUTOINCREMENT,
    attempt INTEGER NOT NULL REFERENCES attempts (attempt), stage TEXT NOT NULL,
    at REAL NOT NULL, ended_at REAL,        -- when the hint was sent; when the action ended, as its source says
    moved_at REAL,                          -- when Flows was seen past the stage
    problem TEXT NOT NULL DEFAULT '', kind TEXT NOT NULL DEFAULT '' -- of the RemoteError with which Flows refused it
);

-- Flow runs that Globus has made INACTIVE and that somebody has asked to resume: until that was done or refused.
CREATE TABLE resumes (
    attempt INTEGER PRIMARY KEY REFERENCES attempts (attempt), actor TEXT NOT NULL, at REAL NOT NULL
);

-- The report of a job and the end of its log, brought from the site through Transfer on demand.
CREATE TABLE reports (
    attempt INTEGER NOT NULL REFERENCES attempts (attempt), run INTEGER NOT NULL,
    stage TEXT NOT NULL, segment INTEGER NOT NULL, -- segment -1: the whole run
    state TEXT NOT NULL,                    -- console.ledger.job_reports.ReportState
    why TEXT NOT NULL DEFAULT '',           -- how its transfer is, or why it is not there
    actor TEXT NOT NULL, asked_at REAL NOT NULL,
    submission TEXT, task TEXT,             -- of the transfer: the first is written before Transfer is asked
    fetched_at REAL,
    document TEXT NOT NULL DEFAULT '{}',    -- JSON of console.ledger.job_reports.JobReport
    PRIMARY KEY (attempt, stage, segment)
);
CREATE INDEX reports_by_run ON reports (run);

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
    run INTEGER, segment INTEGER, attempt INTEGER, text TEXT NOT NULL,
    alert TEXT NOT NULL DEFAULT '',         -- of what needs somebody and has not failed: a code of flowspec.catalogue
    kind TEXT NOT NULL DEFAULT '',          -- of a failure: flowspec.alike.FailureKind.key
    alike INTEGER                           -- the event of the first failure of this kind, when that was a moment before
);
CREATE INDEX events_by_run ON events (run);
CREATE INDEX events_that_call ON events (event) WHERE level = 'bad' OR alert <> '' OR alike IS NOT NULL;
CREATE INDEX events_by_kind ON events (kind, event) WHERE kind != '';
CREATE INDEX alike_events ON events (alike) WHERE alike IS NOT NULL;

-- When each source of data last answered; what is wrong with it is in troubles.
CREATE TABLE sources (
    name TEXT PRIMARY KEY, tried_at REAL NOT NULL, ok_at REAL,
    failed_at REAL,                         -- since when there is trouble with it; NULL: there is none
    told_at REAL, told INTEGER NOT NULL DEFAULT 0 -- when a trouble was last an event; whether that of now was one
) WITHOUT ROWID;

-- What is wrong with a source now, by the chore of the driver that met it: over when the same chore has heard the source.
CREATE TABLE troubles (
    source TEXT NOT NULL, chore TEXT NOT NULL, -- console.driver.periodic; '': it was met by none
    at REAL NOT NULL,                       -- when it was met last
    problem TEXT NOT NULL, login INTEGER NOT NULL DEFAULT 0, -- only a login ends it
    PRIMARY KEY (source, chore)
) WITHOUT ROWID;

CREATE TABLE endpoints (
    endpoint TEXT PRIMARY KEY, name TEXT NOT NULL, stage TEXT NOT NULL,
    online INTEGER NOT NULL, since REAL NOT NULL, detail TEXT NOT NULL DEFAULT '{}'
) WITHOUT ROWID;

-- What somebody was called for: fired once for each code and subject, until it is over.
CREATE TABLE alerts (
    alert INTEGER PRIMARY KEY AUTOINCREMENT,
    code TEXT NOT NULL, subject TEXT NOT NULL, parameters TEXT NOT NULL DEFAULT '{}',
    since REAL NOT NULL, fired_at REAL NOT NULL,
    told_at REAL,                           -- when its message was sent; NULL: not yet
    ended_at REAL, acknowledged_by TEXT, acknowledged_at REAL
);
CREATE INDEX open_alerts ON alerts (code, subject) WHERE ended_at IS NULL;

-- What people say of runs.
CREATE TABLE notes (
    note INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs (run), at REAL NOT NULL, actor TEXT NOT NULL, text TEXT NOT NULL
);
CREATE INDEX notes_by_run ON notes (run);

-- The runs that somebody sees to.
CREATE TABLE claims (run INTEGER PRIMARY KEY REFERENCES runs (run), at REAL NOT NULL, actor TEXT NOT NULL);

-- The consoles with a screen that may act: who has one open, and who had one when.
CREATE TABLE consoles (
    console TEXT PRIMARY KEY,               -- the process
    who TEXT NOT NULL, opened REAL NOT NULL, seen REAL NOT NULL,
    open INTEGER NOT NULL
) WITHOUT ROWID;
