-- What version 3 of the ledger has and version 2 had not: facts as columns, where sentences were kept before. What the
-- sentences said is kept as words; what something depends on gets its code (`code_of` is flowspec.causes.classify), and
-- the next look of a driver finds out the rest.
CREATE TABLE conditions (
    run INTEGER NOT NULL REFERENCES runs (run),
    topic TEXT NOT NULL,
    code TEXT NOT NULL,
    stage TEXT NOT NULL DEFAULT '', segment INTEGER NOT NULL DEFAULT -1,
    attempt INTEGER REFERENCES attempts (attempt),
    severity TEXT NOT NULL, owner TEXT NOT NULL,
    since REAL NOT NULL,
    parameters TEXT NOT NULL DEFAULT '{}',
    PRIMARY KEY (run, topic, code, stage, segment)
) WITHOUT ROWID;
INSERT INTO conditions (run, topic, code, severity, owner, since, parameters)
    SELECT run, 'disk', 'words', 'normal', 'daq', updated, json_object('words',
        CASE WHEN reason LIKE 'run ' || run || ' %' THEN substr(reason, length('run ' || run || ' ') + 1) ELSE reason END)
    FROM runs WHERE reason != '';
INSERT INTO conditions (run, topic, code, severity, owner, since, parameters)
    SELECT run, 'queue', 'words', 'normal', '', updated, json_object('words', why)
    FROM runs WHERE why != '' AND state = 'queued';
INSERT INTO conditions (run, topic, code, severity, owner, since, parameters)
    SELECT run, 'outcome', 'words', CASE state WHEN 'failed' THEN 'stuck' ELSE 'normal' END, 'operator', updated,
        json_object('words', why)
    FROM runs WHERE why != '' AND state IN ('done', 'failed', 'cancelled');
INSERT INTO conditions (run, topic, code, severity, owner, since, parameters)
    SELECT run, 'progress',
        CASE WHEN state = 'running' AND why LIKE 'the flow run is inactive: %' THEN 'flow.inactive'
             WHEN state = 'running' AND why LIKE '%; r ends it and does it again' THEN 'flow.suspect' ELSE 'words' END,
        CASE WHEN why LIKE 'the flow run is inactive: %' OR why LIKE '%; r ends it and does it again'
             THEN 'stuck' ELSE 'normal' END, 'operator', updated,
        CASE WHEN why LIKE 'the flow run is inactive: %' THEN json_object('consent', json('true'), 'words',
             replace(replace(substr(why, 27), '; r resumes it', ''), '; give it (console login), which resumes it, or r', ''))
             ELSE json_object('words', why) END
    FROM runs WHERE why != '' AND state IN ('running', 'cancelling');
ALTER TABLE runs DROP COLUMN reason;
ALTER TABLE runs DROP COLUMN why;
ALTER TABLE attempts ADD COLUMN code TEXT NOT NULL DEFAULT '';
ALTER TABLE attempts ADD COLUMN parameters TEXT NOT NULL DEFAULT '{}';
UPDATE attempts SET code = 'words', parameters = json_object('words', why) WHERE why != '';
ALTER TABLE attempts DROP COLUMN why;
ALTER TABLE evidence ADD COLUMN code TEXT NOT NULL DEFAULT '';
ALTER TABLE evidence ADD COLUMN parameters TEXT NOT NULL DEFAULT '{}';
ALTER TABLE evidence ADD COLUMN modified TEXT NOT NULL DEFAULT '';
UPDATE evidence SET modified = note WHERE witness IN ('file', 'old') AND says = 'done';
UPDATE evidence SET code = 'file.older' WHERE witness = 'file' AND says = 'absent' AND note != '';
UPDATE evidence SET code = CASE says WHEN 'failed' THEN code_of(note) ELSE 'words' END,
    parameters = json_object('words', note) WHERE witness IN ('task', 'log') AND note != '';
ALTER TABLE evidence DROP COLUMN note;
ALTER TABLE failures ADD COLUMN code TEXT NOT NULL DEFAULT '';
ALTER TABLE failures ADD COLUMN parameters TEXT NOT NULL DEFAULT '{}';
UPDATE failures SET code = code_of(cause), parameters = json_object('words', cause);
ALTER TABLE failures DROP COLUMN cause;
CREATE TABLE new_cancel_lines (
    attempt INTEGER NOT NULL REFERENCES attempts (attempt),
    kind TEXT NOT NULL, id TEXT NOT NULL,
    stage TEXT NOT NULL DEFAULT '', segment INTEGER NOT NULL DEFAULT -1,
    code TEXT NOT NULL DEFAULT 'seen.not-yet', parameters TEXT NOT NULL DEFAULT '{}',
    gone_at REAL,
    PRIMARY KEY (attempt, kind, id)
) WITHOUT ROWID;
INSERT INTO new_cancel_lines
    SELECT attempt,
        CASE WHEN kind = 'flow run' AND what = 'flow run with the tag' THEN 'tag'
             WHEN id LIKE 'not told: %' THEN 'unnamed tasks' ELSE kind END,
        id,
        CASE WHEN kind NOT IN ('transfer task', 'compute task') OR what = 'transfer task' THEN ''
             WHEN instr(what, ' of segment ') THEN substr(what, 1, instr(what, ' of segment ') - 1)
             ELSE replace(what, ' task', '') END,
        CASE WHEN instr(what, ' of segment ') THEN CAST(substr(what, instr(what, ' of segment ') + 12) AS INTEGER)
             ELSE -1 END,
        CASE WHEN seen = '' THEN 'seen.not-yet' WHEN kind = 'flow run' AND what = 'flow run' THEN 'seen.status'
             ELSE 'words' END,
        CASE WHEN seen = '' THEN '{}' WHEN kind = 'flow run' AND what = 'flow run' THEN json_object('status', seen)
             ELSE json_object('words', seen) END,
        gone_at
    FROM cancel_lines;
DROP TABLE cancel_lines;
ALTER TABLE new_cancel_lines RENAME TO cancel_lines;
ALTER TABLE nudges RENAME TO hints;
ALTER TABLE hints RENAME COLUMN nudge TO hint;
ALTER TABLE hints ADD COLUMN kind TEXT NOT NULL DEFAULT '';
UPDATE hints SET kind = substr(problem, 1, instr(problem, ': ') - 1), problem = substr(problem, instr(problem, ': ') + 2)
    WHERE problem != '';
UPDATE meta SET value = '{}' WHERE key = 'hints_off' AND value != '';
ALTER TABLE sources ADD COLUMN login INTEGER NOT NULL DEFAULT 0;
CREATE TABLE resumes (
    attempt INTEGER PRIMARY KEY REFERENCES attempts (attempt), actor TEXT NOT NULL, at REAL NOT NULL
);
INSERT INTO resumes SELECT CAST(substr(key, 8) AS INTEGER), value, 0 FROM meta
    WHERE key LIKE 'resume:%' AND CAST(substr(key, 8) AS INTEGER) IN (SELECT attempt FROM attempts);
DELETE FROM meta WHERE key LIKE 'resume:%';
