PRAGMA user_version=2;
BEGIN TRANSACTION;
CREATE TABLE attempts (
    attempt INTEGER PRIMARY KEY AUTOINCREMENT,
    run INTEGER NOT NULL REFERENCES runs (run),
    number INTEGER NOT NULL,
    tag TEXT NOT NULL UNIQUE,
    plan TEXT NOT NULL, body TEXT NOT NULL, label TEXT NOT NULL,
    flow_id TEXT NOT NULL, flow_run TEXT UNIQUE,
    state TEXT NOT NULL,
    stage TEXT, why TEXT NOT NULL DEFAULT '',
    actor TEXT NOT NULL,
    intended_at REAL NOT NULL, started_at REAL, ended_at REAL,
    log_after TEXT,
    visits TEXT NOT NULL DEFAULT '{}',
    cancel_by TEXT, cancel_at REAL,
    UNIQUE (run, number)
);
INSERT INTO "attempts" VALUES(1,1,1,'frib-1-1-cd28d9fbc3c881bb','{"run": 1, "transfer": [0, 1], "fit": [0, 1], "convert": [0, 1], "expected": [0, 1], "analyze": true, "left": 0, "held": [], "waived": []}','{"run": 1, "start": "transfer", "label": "sandbox run 1 attempt 1", "files": {"prefix": "run-0001-", "segments": ["00", "01"], "suffix": ".evt"}, "fit": [0, 1], "convert": [0, 1], "expected": [0, 1], "analyze": true, "source": {"collection": "5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d02", "path": "/runs/run1/"}, "site_raw": {"collection": "5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d03", "path": "/SANDBOX/site/rawdata/run1/"}, "site": {"kit": "/SANDBOX/site/kit", "rawdata": "/SANDBOX/site/rawdata/run1", "fitted": "/SANDBOX/site/fitted/run1", "converted": "/SANDBOX/site/converted/run1", "analyzed": "/SANDBOX/site/analyzed", "logs": "/SANDBOX/site/logs/run1", "marker": "/SANDBOX/site/logs/run1/cancelled/frib-1-1-cd28d9fbc3c881bb"}, "site_result": {"collection": "5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d03", "path": "/SANDBOX/site/analyzed/run-0001-sorted.root"}, "result": {"collection": "5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d02", "path": "/results/run-0001-sorted.root"}, "compute": {"fit": {"endpoint": "5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d04", "function": "91b0a038-23df-4c0a-83a4-9c27b9c2db05"}, "convert": {"endpoint": "5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d05", "function": "d625418c-b04c-49a1-8535-a06e9225d6de"}, "analyze": {"endpoint": "5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d06", "function": "ca1713a3-59a5-4a60-ab4c-d21515f0e3d9"}}}','sandbox run 1 attempt 1','a6db3ded-bf51-41a9-9dca-703fa2790c35','fad0acaa-6531-4a09-9824-9c185882c13f','succeeded','return','the result is back: run-0001-sorted.root','driver',1.79571042436846375466e+09,1.79571042437571120262e+09,1.79571042822306442261e+09,'2026-11-26T16:27:08.198000+00:00','{"transfer": {"says": "done", "started": "2026-11-26T16:27:04.376000+00:00", "action": "a7ddd39f-b1fd-403c-b1cc-2496a887db0b", "ended": "2026-11-26T16:27:04.581000+00:00", "cause": "", "looked": "2026-11-26T16:27:04.581000+00:00"}, "fit": {"says": "done", "started": "2026-11-26T16:27:04.582000+00:00", "action": "tg_49b7e11c-8e35-447d-9f5d-5d54e8054bb8", "ended": "2026-11-26T16:27:05.589000+00:00", "cause": "", "looked": "2026-11-26T16:27:05.588000+00:00"}, "convert": {"says": "done", "started": "2026-11-26T16:27:05.589000+00:00", "action": "tg_bd8946e3-1774-4581-a87a-844cd1aab65d", "ended": "2026-11-26T16:27:06.991000+00:00", "cause": "", "looked": "2026-11-26T16:27:06.991000+00:00"}, "analyze": {"says": "done", "started": "2026-11-26T16:27:06.993000+00:00", "action": "tg_f1447837-0e9d-4455-96c2-b2a8c861ebf4", "ended": "2026-11-26T16:27:07.995000+00:00", "cause": "", "looked": "2026-11-26T16:27:07.995000+00:00"}, "return": {"says": "done", "started": "2026-11-26T16:27:07.995000+00:00", "action": "9c742124-174e-4955-8496-bf625394c0bc", "ended": "2026-11-26T16:27:08.197000+00:00", "cause": "", "looked": "2026-11-26T16:27:08.197000+00:00"}}',NULL,NULL);
INSERT INTO "attempts" VALUES(2,2,1,'frib-2-1-64357a19f07a9e61','{"run": 2, "transfer": [0, 1], "fit": [0, 1], "convert": [0, 1], "expected": [0, 1], "analyze": true, "left": 0, "held": [], "waived": []}','{"run": 2, "start": "transfer", "label": "sandbox run 2 attempt 1", "files": {"prefix": "run-0002-", "segments": ["00", "01"], "suffix": ".evt"}, "fit": [0, 1], "convert": [0, 1], "expected": [0, 1], "analyze": true, "source": {"collection": "5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d02", "path": "/runs/run2/"}, "site_raw": {"collection": "5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d03", "path": "/SANDBOX/site/rawdata/run2/"}, "site": {"kit": "/SANDBOX/site/kit", "rawdata": "/SANDBOX/site/rawdata/run2", "fitted": "/SANDBOX/site/fitted/run2", "converted": "/SANDBOX/site/converted/run2", "analyzed": "/SANDBOX/site/analyzed", "logs": "/SANDBOX/site/logs/run2", "marker": "/SANDBOX/site/logs/run2/cancelled/frib-2-1-64357a19f07a9e61"}, "site_result": {"collection": "5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d03", "path": "/SANDBOX/site/analyzed/run-0002-sorted.root"}, "result": {"collection": "5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d02", "path": "/results/run-0002-sorted.root"}, "compute": {"fit": {"endpoint": "5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d04", "function": "91b0a038-23df-4c0a-83a4-9c27b9c2db05"}, "convert": {"endpoint": "5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d05", "function": "d625418c-b04c-49a1-8535-a06e9225d6de"}, "analyze": {"endpoint": "5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d06", "function": "ca1713a3-59a5-4a60-ab4c-d21515f0e3d9"}}}','sandbox run 2 attempt 1','a6db3ded-bf51-41a9-9dca-703fa2790c35','d5e81b39-1c38-4980-b7fc-13335628fa15','failed','fit','fit of segment 01 failed: fit of run 2 segment 01: return code 134: EventEditor ended with return code 134. r retries what is missing','driver',1.79571042932001495359e+09,1.79571042932840085025e+09,1.79571043379304122922e+09,'2026-11-26T16:27:11.734000+00:00','{"transfer": {"says": "done", "started": "2026-11-26T16:27:09.326000+00:00", "action": "e401a09d-3d91-4967-a0c0-9525893eb2f3", "ended": "2026-11-26T16:27:09.527000+00:00", "cause": "", "looked": "2026-11-26T16:27:09.527000+00:00"}, "fit": {"says": "done", "started": "2026-11-26T16:27:09.528000+00:00", "action": "tg_d58f0a6b-d65b-4569-b81b-de506f04fe8f", "ended": "2026-11-26T16:27:10.129000+00:00", "cause": "", "looked": "2026-11-26T16:27:10.129000+00:00"}, "convert": {"says": "done", "started": "2026-11-26T16:27:10.130000+00:00", "action": "tg_b0f0ea33-e1a8-458d-9f43-5ed019a98d4c", "ended": "2026-11-26T16:27:11.532000+00:00", "cause": "", "looked": "2026-11-26T16:27:11.532000+00:00"}, "analyze": {"says": "done", "started": "2026-11-26T16:27:11.533000+00:00", "action": "tg_82985d0e-0c9a-4b5a-8483-9606b2ac2593", "ended": "2026-11-26T16:27:11.734000+00:00", "cause": "", "looked": "2026-11-26T16:27:11.734000+00:00"}}',NULL,NULL);
INSERT INTO "attempts" VALUES(3,6,1,'frib-6-1-78296a1013458ea8','{"run": 6, "transfer": [0], "fit": [0], "convert": [0], "expected": [0], "analyze": true, "left": 0, "held": [], "waived": []}','{"run": 6, "start": "transfer", "label": "sandbox run 6 attempt 1", "files": {"prefix": "run-0006-", "segments": ["00"], "suffix": ".evt"}, "fit": [0], "convert": [0], "expected": [0], "analyze": true, "source": {"collection": "5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d02", "path": "/runs/run6/"}, "site_raw": {"collection": "5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d03", "path": "/SANDBOX/site/rawdata/run6/"}, "site": {"kit": "/SANDBOX/site/kit", "rawdata": "/SANDBOX/site/rawdata/run6", "fitted": "/SANDBOX/site/fitted/run6", "converted": "/SANDBOX/site/converted/run6", "analyzed": "/SANDBOX/site/analyzed", "logs": "/SANDBOX/site/logs/run6", "marker": "/SANDBOX/site/logs/run6/cancelled/frib-6-1-78296a1013458ea8"}, "site_result": {"collection": "5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d03", "path": "/SANDBOX/site/analyzed/run-0006-sorted.root"}, "result": {"collection": "5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d02", "path": "/results/run-0006-sorted.root"}, "compute": {"fit": {"endpoint": "5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d04", "function": "91b0a038-23df-4c0a-83a4-9c27b9c2db05"}, "convert": {"endpoint": "5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d05", "function": "d625418c-b04c-49a1-8535-a06e9225d6de"}, "analyze": {"endpoint": "5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d06", "function": "ca1713a3-59a5-4a60-ab4c-d21515f0e3d9"}}}','sandbox run 6 attempt 1','a6db3ded-bf51-41a9-9dca-703fa2790c35','9f7c3629-428a-4b50-9c2f-8ebcf8b17206','started','transfer','','driver',1795710434.87921,1.79571043489870882034e+09,NULL,'2026-11-26T16:27:14.894000+00:00','{"transfer": {"says": "running", "started": "2026-11-26T16:27:14.894000+00:00", "action": null, "ended": null, "cause": "", "looked": null}}',NULL,NULL);
INSERT INTO "attempts" VALUES(4,3,1,'frib-3-1-11a7847e7c1f345d','{"run": 3, "transfer": [0, 1], "fit": [0, 1], "convert": [0, 1], "expected": [0, 1], "analyze": true, "left": 0, "held": [], "waived": []}','{"run": 3, "start": "transfer", "label": "sandbox run 3 attempt 1", "files": {"prefix": "run-0003-", "segments": ["00", "01"], "suffix": ".evt"}, "fit": [0, 1], "convert": [0, 1], "expected": [0, 1], "analyze": true, "source": {"collection": "5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d02", "path": "/runs/run3/"}, "site_raw": {"collection": "5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d03", "path": "/SANDBOX/site/rawdata/run3/"}, "site": {"kit": "/SANDBOX/site/kit", "rawdata": "/SANDBOX/site/rawdata/run3", "fitted": "/SANDBOX/site/fitted/run3", "converted": "/SANDBOX/site/converted/run3", "analyzed": "/SANDBOX/site/analyzed", "logs": "/SANDBOX/site/logs/run3", "marker": "/SANDBOX/site/logs/run3/cancelled/frib-3-1-11a7847e7c1f345d"}, "site_result": {"collection": "5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d03", "path": "/SANDBOX/site/analyzed/run-0003-sorted.root"}, "result": {"collection": "5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d02", "path": "/results/run-0003-sorted.root"}, "compute": {"fit": {"endpoint": "5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d04", "function": "91b0a038-23df-4c0a-83a4-9c27b9c2db05"}, "convert": {"endpoint": "5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d05", "function": "d625418c-b04c-49a1-8535-a06e9225d6de"}, "analyze": {"endpoint": "5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d06", "function": "ca1713a3-59a5-4a60-ab4c-d21515f0e3d9"}}}','sandbox run 3 attempt 1','a6db3ded-bf51-41a9-9dca-703fa2790c35','b8b7338c-b465-4949-9532-3453e90c5d72','started','fit','','driver',1.7957104360315892696e+09,1.79571043605897831922e+09,NULL,'2026-11-26T16:27:28.467000+00:00','{"transfer": {"says": "done", "started": "2026-11-26T16:27:16.053000+00:00", "action": "d930cd5d-290e-49fa-ae3d-00cac2b9963b", "ended": "2026-11-26T16:27:16.254000+00:00", "cause": "", "looked": "2026-11-26T16:27:16.253000+00:00"}, "fit": {"says": "running", "started": "2026-11-26T16:27:16.254000+00:00", "action": "tg_e1be4bd5-c397-4ad6-a5b6-752c2c702b77", "ended": null, "cause": "", "looked": "2026-11-26T16:27:28.467000+00:00"}}',NULL,NULL);
CREATE TABLE cancel_lines (
    attempt INTEGER NOT NULL REFERENCES attempts (attempt),
    kind TEXT NOT NULL, id TEXT NOT NULL,
    what TEXT NOT NULL,
    seen TEXT NOT NULL DEFAULT '',
    gone_at REAL,
    PRIMARY KEY (attempt, kind, id)
) WITHOUT ROWID;
CREATE TABLE endpoints (
    endpoint TEXT PRIMARY KEY, name TEXT NOT NULL, stage TEXT NOT NULL,
    online INTEGER NOT NULL, since REAL NOT NULL, detail TEXT NOT NULL DEFAULT '{}'
) WITHOUT ROWID;
INSERT INTO "endpoints" VALUES('5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d04','frib-fit-mpi','fit',1,1.79571042373843789106e+09,'{"total_workers": 4, "idle_workers": 2, "pending_tasks": 0, "outstanding_tasks": 2, "managers": 1, "version": "4.19.0"}');
INSERT INTO "endpoints" VALUES('5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d05','frib-convert','convert',0,1.79571044055327844624e+09,'{"version": "4.19.0"}');
INSERT INTO "endpoints" VALUES('5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d06','frib-analysis','analyze',1,1795710423.74633,'{"total_workers": 4, "idle_workers": 4, "pending_tasks": 0, "outstanding_tasks": 0, "managers": 1, "version": "4.19.0"}');
CREATE TABLE events (
    event INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL, actor TEXT NOT NULL, level TEXT NOT NULL,
    run INTEGER, segment INTEGER, attempt INTEGER, text TEXT NOT NULL
);
INSERT INTO "events" VALUES(1,1.79571042325326609614e+09,'shift@daq1','info',NULL,NULL,NULL,'driver started (sandbox), process 5955 on daq1');
INSERT INTO "events" VALUES(2,1.79571042331614089005e+09,'driver','info',1,NULL,NULL,'run 1 is arriving: late items may follow');
INSERT INTO "events" VALUES(3,1.79571042431736302372e+09,'driver','info',1,NULL,NULL,'run 1 is complete: 2 segments of whole items, END_RUN in run-0001-01.evt');
INSERT INTO "events" VALUES(4,1.79571042431901502613e+09,'driver','info',1,NULL,NULL,'run 1 queued: 2 segments');
INSERT INTO "events" VALUES(5,1.79571042436866593365e+09,'driver','info',1,NULL,1,'run 1 attempt 1: transfer 2, fit 2, convert 2, analyze, return');
INSERT INTO "events" VALUES(6,1.79571042437582921976e+09,'driver','info',1,NULL,1,'run 1 attempt 1 started: flow run fad0acaa-6531-4a09-9824-9c185882c13f');
INSERT INTO "events" VALUES(7,1.79571042822341108325e+09,'driver','good',1,NULL,1,'run 1 attempt 1 succeeded: the result is back: run-0001-sorted.root');
INSERT INTO "events" VALUES(8,1.79571042830440902706e+09,'driver','info',2,NULL,NULL,'run 2 is arriving: late items may follow');
INSERT INTO "events" VALUES(9,1.79571042930546116832e+09,'driver','info',2,NULL,NULL,'run 2 is complete: 2 segments of whole items, END_RUN in run-0002-01.evt');
INSERT INTO "events" VALUES(10,1.79571042931385207175e+09,'driver','info',2,NULL,NULL,'run 2 queued: 2 segments');
INSERT INTO "events" VALUES(11,1.79571042932011079792e+09,'driver','info',2,NULL,2,'run 2 attempt 1: transfer 2, fit 2, convert 2, analyze, return');
INSERT INTO "events" VALUES(12,1.79571042932845187185e+09,'driver','info',2,NULL,2,'run 2 attempt 1 started: flow run d5e81b39-1c38-4980-b7fc-13335628fa15');
INSERT INTO "events" VALUES(13,1.79571043379327106477e+09,'driver','bad',2,NULL,2,'run 2 attempt 1 failed: fit of segment 01 failed: fit of run 2 segment 01: return code 134: EventEditor ended with return code 134. r retries what is missing');
INSERT INTO "events" VALUES(14,1.79571043386835193633e+09,'driver','info',6,NULL,NULL,'run 6 is arriving: late items may follow');
INSERT INTO "events" VALUES(15,1.79571043487059688568e+09,'driver','info',6,NULL,NULL,'run 6 is complete: 1 segment of whole items, END_RUN in run-0006-00.evt');
INSERT INTO "events" VALUES(16,1.79571043487669110292e+09,'driver','info',6,NULL,NULL,'run 6 queued: 1 segments');
INSERT INTO "events" VALUES(17,1795710434.8793,'driver','info',6,NULL,3,'run 6 attempt 1: transfer 1, fit 1, convert 1, analyze, return');
INSERT INTO "events" VALUES(18,1.79571043489876937867e+09,'driver','info',6,NULL,3,'run 6 attempt 1 started: flow run 9f7c3629-428a-4b50-9c2f-8ebcf8b17206');
INSERT INTO "events" VALUES(19,1.79571043502176594733e+09,'driver','info',3,NULL,NULL,'run 3 is arriving: late items may follow');
INSERT INTO "events" VALUES(20,1.79571043602287626263e+09,'driver','info',3,NULL,NULL,'run 3 is complete: 2 segments of whole items, END_RUN in run-0003-01.evt');
INSERT INTO "events" VALUES(21,1.79571043602386116976e+09,'driver','info',3,NULL,NULL,'run 3 queued: 2 segments');
INSERT INTO "events" VALUES(22,1.79571043603167891503e+09,'driver','info',3,NULL,4,'run 3 attempt 1: transfer 2, fit 2, convert 2, analyze, return');
INSERT INTO "events" VALUES(23,1.79571043605903649326e+09,'driver','info',3,NULL,4,'run 3 attempt 1 started: flow run b8b7338c-b465-4949-9532-3453e90c5d72');
INSERT INTO "events" VALUES(24,1.79571043631107759479e+09,'me@here','info',NULL,NULL,NULL,'auto: auto-launch is off');
INSERT INTO "events" VALUES(25,1.79571043637761211392e+09,'driver','info',5,NULL,NULL,'run 5 is arriving: late items may follow');
INSERT INTO "events" VALUES(26,1.79571043737882709507e+09,'driver','info',5,NULL,NULL,'run 5 is complete: 1 segment of whole items, END_RUN in run-0005-00.evt');
INSERT INTO "events" VALUES(27,1.79571044055570030214e+09,'driver','bad',NULL,NULL,NULL,'compute endpoint frib-convert is OFFLINE: runs wait for it; start it at the site, and they go on');
INSERT INTO "events" VALUES(28,1.79571044287258219712e+09,'driver','warning',3,NULL,4,'run 3: fit of segment 00-01 running since 16:27, usually fit takes 1 s: it may hang; r ends it and does it again');
INSERT INTO "events" VALUES(29,1.79571044953588843345e+09,'me@here','info',5,NULL,NULL,'run 5 queued: 1 segments');
INSERT INTO "events" VALUES(30,1.79571044953592348094e+09,'me@here','info',5,NULL,NULL,'launch: run 5 is queued');
INSERT INTO "events" VALUES(31,1.79571044973906874652e+09,'me@here','info',5,NULL,NULL,'hold: run 5 is held: it is not launched until it is released');
CREATE TABLE evidence (
    run INTEGER NOT NULL, stage TEXT NOT NULL, segment INTEGER NOT NULL, witness TEXT NOT NULL,
    says TEXT NOT NULL, note TEXT NOT NULL DEFAULT '', size INTEGER, attempt INTEGER, at REAL NOT NULL,
    seconds REAL,
    PRIMARY KEY (run, stage, segment, witness)
) WITHOUT ROWID;
INSERT INTO "evidence" VALUES(1,'analyze',-1,'file','done','2026-11-26 16:27:07+00:00',31200,1,1.79571042821122884743e+09,NULL);
INSERT INTO "evidence" VALUES(1,'analyze',-1,'log','done','Flows has seen it end',NULL,1,1.79571042820969676971e+09,NULL);
INSERT INTO "evidence" VALUES(1,'convert',0,'file','done','2026-11-26 16:27:06+00:00',46997,1,1.79571042697687554366e+09,NULL);
INSERT INTO "evidence" VALUES(1,'convert',0,'log','done','Flows has seen it end',NULL,1,1.79571042820956110956e+09,NULL);
INSERT INTO "evidence" VALUES(1,'convert',0,'task','done','convert took 1.169 s',46997,1,1.79571042697595810886e+09,1.169);
INSERT INTO "evidence" VALUES(1,'convert',1,'file','done','2026-11-26 16:27:06+00:00',47010,1,1.79571042697687554366e+09,NULL);
INSERT INTO "evidence" VALUES(1,'convert',1,'log','done','Flows has seen it end',NULL,1,1.79571042820956110956e+09,NULL);
INSERT INTO "evidence" VALUES(1,'convert',1,'task','done','convert took 1.118 s',47010,1,1.79571042697595810886e+09,1.118);
INSERT INTO "evidence" VALUES(1,'fit',0,'file','done','2026-11-26 16:27:05+00:00',14168,1,1.79571042592664980889e+09,NULL);
INSERT INTO "evidence" VALUES(1,'fit',0,'log','done','Flows has seen it end',NULL,1,1.79571042591462159149e+09,NULL);
INSERT INTO "evidence" VALUES(1,'fit',0,'task','done','fit took 0.816 s',14168,1,1.79571042592241525651e+09,0.816);
INSERT INTO "evidence" VALUES(1,'fit',1,'file','done','2026-11-26 16:27:05+00:00',14358,1,1.79571042592664980889e+09,NULL);
INSERT INTO "evidence" VALUES(1,'fit',1,'log','done','Flows has seen it end',NULL,1,1.79571042591462159149e+09,NULL);
INSERT INTO "evidence" VALUES(1,'fit',1,'task','done','fit took 0.642 s',14358,1,1.79571042592241525651e+09,0.642);
INSERT INTO "evidence" VALUES(1,'return',-1,'file','done','2026-11-26 16:27:07+00:00',31200,1,1.795710428216278553e+09,NULL);
INSERT INTO "evidence" VALUES(1,'return',-1,'log','done','Flows has seen it end',NULL,1,1.79571042820979428298e+09,NULL);
INSERT INTO "evidence" VALUES(1,'return',-1,'task','done','transferred 1/1 files',NULL,1,1.7957104282155964374e+09,NULL);
INSERT INTO "evidence" VALUES(1,'transfer',0,'file','done','2026-11-26 16:27:03+00:00',10644,1,1.79571042484799122803e+09,NULL);
INSERT INTO "evidence" VALUES(1,'transfer',0,'log','done','Flows has seen it end',NULL,1,1.79571042479490065573e+09,NULL);
INSERT INTO "evidence" VALUES(1,'transfer',0,'task','done','transferred 2/2 files',NULL,1,1.7957104248311297894e+09,NULL);
INSERT INTO "evidence" VALUES(1,'transfer',1,'file','done','2026-11-26 16:27:03+00:00',10838,1,1.79571042484799122803e+09,NULL);
INSERT INTO "evidence" VALUES(1,'transfer',1,'log','done','Flows has seen it end',NULL,1,1.79571042479490065573e+09,NULL);
INSERT INTO "evidence" VALUES(1,'transfer',1,'task','done','transferred 2/2 files',NULL,1,1.7957104248311297894e+09,NULL);
INSERT INTO "evidence" VALUES(2,'analyze',-1,'log','done','Flows has seen it end',NULL,2,1.79571043272532105449e+09,NULL);
INSERT INTO "evidence" VALUES(2,'analyze',-1,'task','failed','segments [1] are not converted: analyze of run 2: 1 of 2 converted segments missing',NULL,2,1.79571043378774166101e+09,NULL);
INSERT INTO "evidence" VALUES(2,'convert',0,'file','done','2026-11-26 16:27:11+00:00',46822,2,1.79571043165203285212e+09,NULL);
INSERT INTO "evidence" VALUES(2,'convert',0,'log','done','Flows has seen it end',NULL,2,1.79571043164749717712e+09,NULL);
INSERT INTO "evidence" VALUES(2,'convert',0,'task','done','convert took 1.045 s',46822,2,1.79571043377174758906e+09,1.045);
INSERT INTO "evidence" VALUES(2,'convert',1,'log','done','Flows has seen it end',NULL,2,1.79571043164749717712e+09,NULL);
INSERT INTO "evidence" VALUES(2,'convert',1,'task','failed','convert of run 2 segment 01: input run-0002-01-fitted.evt is missing',NULL,2,1.79571043377174758906e+09,NULL);
INSERT INTO "evidence" VALUES(2,'fit',0,'file','done','2026-11-26 16:27:10+00:00',13604,2,1.79571043039767336843e+09,NULL);
INSERT INTO "evidence" VALUES(2,'fit',0,'log','done','Flows has seen it end',NULL,2,1.79571043038719725605e+09,NULL);
INSERT INTO "evidence" VALUES(2,'fit',0,'task','done','fit took 0.377 s',13604,2,1.79571043377156925203e+09,0.377);
INSERT INTO "evidence" VALUES(2,'fit',1,'log','done','Flows has seen it end',NULL,2,1.79571043038719725605e+09,NULL);
INSERT INTO "evidence" VALUES(2,'fit',1,'task','failed','fit of run 2 segment 01: return code 134: EventEditor ended with return code 134',NULL,2,1.79571043377156925203e+09,NULL);
INSERT INTO "evidence" VALUES(2,'transfer',0,'file','done','2026-11-26 16:27:08+00:00',10096,2,1.7957104293500525951e+09,NULL);
INSERT INTO "evidence" VALUES(2,'transfer',0,'log','done','Flows has seen it end',NULL,2,1.79571043038705682758e+09,NULL);
INSERT INTO "evidence" VALUES(2,'transfer',0,'task','done','transferred 2/2 files',NULL,2,1.79571042934784054758e+09,NULL);
INSERT INTO "evidence" VALUES(2,'transfer',1,'file','done','2026-11-26 16:27:08+00:00',10506,2,1.7957104293500525951e+09,NULL);
INSERT INTO "evidence" VALUES(2,'transfer',1,'log','done','Flows has seen it end',NULL,2,1.79571043038705682758e+09,NULL);
INSERT INTO "evidence" VALUES(2,'transfer',1,'task','done','transferred 2/2 files',NULL,2,1.79571042934784054758e+09,NULL);
INSERT INTO "evidence" VALUES(3,'fit',0,'log','running','fit is under way',NULL,4,1.79571043739629960058e+09,NULL);
INSERT INTO "evidence" VALUES(3,'fit',0,'task','running','running since 16:27, usually fit takes 1 s: it may hang; r ends it and does it again',NULL,4,1.79571043741434502598e+09,NULL);
INSERT INTO "evidence" VALUES(3,'fit',1,'log','running','fit is under way',NULL,4,1.79571043739629960058e+09,NULL);
INSERT INTO "evidence" VALUES(3,'fit',1,'task','running','running since 16:27, usually fit takes 1 s: it may hang; r ends it and does it again',NULL,4,1.79571043741434502598e+09,NULL);
INSERT INTO "evidence" VALUES(3,'transfer',0,'file','done','2026-11-26 16:27:14+00:00',10456,4,1.79571043609445834153e+09,NULL);
INSERT INTO "evidence" VALUES(3,'transfer',0,'log','done','Flows has seen it end',NULL,4,1.79571043739616298677e+09,NULL);
INSERT INTO "evidence" VALUES(3,'transfer',0,'task','done','transferred 2/2 files',NULL,4,1.79571043609305739403e+09,NULL);
INSERT INTO "evidence" VALUES(3,'transfer',1,'file','done','2026-11-26 16:27:14+00:00',9914,4,1.79571043609445834153e+09,NULL);
INSERT INTO "evidence" VALUES(3,'transfer',1,'log','done','Flows has seen it end',NULL,4,1.79571043739616298677e+09,NULL);
INSERT INTO "evidence" VALUES(3,'transfer',1,'task','done','transferred 2/2 files',NULL,4,1.79571043609305739403e+09,NULL);
INSERT INTO "evidence" VALUES(6,'transfer',0,'log','running','transfer is under way',NULL,3,1.79571043491602063183e+09,NULL);
CREATE TABLE failures (
    attempt INTEGER NOT NULL REFERENCES attempts (attempt), run INTEGER NOT NULL,
    stage TEXT NOT NULL, segment INTEGER NOT NULL,
    kind TEXT NOT NULL,
    cause TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (attempt, stage, segment)
) WITHOUT ROWID;
INSERT INTO "failures" VALUES(2,2,'fit',1,'needs somebody','fit of run 2 segment 01: return code 134: EventEditor ended with return code 134',1.79571043379277491564e+09);
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO "meta" VALUES('auto','off');
INSERT INTO "meta" VALUES('disk_samples','[[1795710423.4825997, 81794072576]]');
INSERT INTO "meta" VALUES('disk_space','{"free": 81794072576, "total": 108944293888, "rate": 0.0}');
INSERT INTO "meta" VALUES('driver_epoch','1');
INSERT INTO "meta" VALUES('driver_takeovers','0');
INSERT INTO "meta" VALUES('reconciled','1795710423.7492092');
CREATE TABLE nudges (
    nudge INTEGER PRIMARY KEY AUTOINCREMENT,
    attempt INTEGER NOT NULL REFERENCES attempts (attempt), stage TEXT NOT NULL,
    at REAL NOT NULL, ended_at REAL,
    moved_at REAL,
    problem TEXT NOT NULL DEFAULT ''
);
CREATE TABLE reports (
    attempt INTEGER NOT NULL REFERENCES attempts (attempt), run INTEGER NOT NULL,
    stage TEXT NOT NULL, segment INTEGER NOT NULL,
    state TEXT NOT NULL,
    why TEXT NOT NULL DEFAULT '',
    actor TEXT NOT NULL, asked_at REAL NOT NULL,
    submission TEXT, task TEXT,
    fetched_at REAL,
    document TEXT NOT NULL DEFAULT '{}',
    PRIMARY KEY (attempt, stage, segment)
);
INSERT INTO "reports" VALUES(2,2,'fit',1,'there','','driver',1.79571043379850292208e+09,'5ec3c90b-b89f-43f5-95c6-0a111d696517','5a3279d0-b8ae-4c32-bd15-d95158d62761',1.79571043493976569178e+09,'{"rc": 134, "cause": "fit of run 2 segment 01: return code 134: EventEditor ended with return code 134", "node": "daq1", "job_id": "", "started": 1795710429.7025335, "seconds": 0.073, "bytes": null, "sha256": "", "lines": ["JobID none  Time 2026-11-26T16:27:09Z  Node daq1  Stage fit", "FileIn /SANDBOX/site/rawdata/run2/run-0002-01.evt  FileOut /SANDBOX/site/fitted/run2/run-0002-01-fitted.evt  Ranks 0  Workers 1", "Copying input...", "... Done", "Fitting traces with EventEditor -s file:///SANDBOX/tmp/frib-fit.3oLvHp/run-0002-01.evt -S file:///SANDBOX/tmp/frib-fit.3oLvHp/run-0002-01-fitted.evt -l libFitEditorAnalytic.so -c 2000 -n 1 -p threaded...", "*** stack smashing detected ***: terminated", "/SANDBOX/site/kit/common.sh: line 78:  6594 Aborted                 \"$@\" < /dev/null", "EventEditor ended with return code 134"], "log": "/SANDBOX/dtn/results/logs/run2/fit-01.log"}');
CREATE TABLE requests (
    request INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL, actor TEXT NOT NULL, verb TEXT NOT NULL, run INTEGER, args TEXT NOT NULL DEFAULT '{}',
    state TEXT NOT NULL DEFAULT 'asked',
    answer TEXT NOT NULL DEFAULT '', answered_at REAL
);
INSERT INTO "requests" VALUES(1,1.79571043611247348789e+09,'me@here','auto',NULL,'{"on": false}','done','auto-launch is off',1.79571043631096959112e+09);
INSERT INTO "requests" VALUES(2,1.79571044940640377998e+09,'me@here','launch',5,'{}','done','run 5 is queued',1.79571044953591346738e+09);
INSERT INTO "requests" VALUES(3,1.79571044955519223216e+09,'me@here','hold',5,'{}','done','run 5 is held: it is not launched until it is released',1.79571044973905611036e+09);
CREATE TABLE runs (
    run INTEGER PRIMARY KEY,
    path TEXT NOT NULL,
    verdict TEXT NOT NULL,
    reason TEXT NOT NULL,
    segments TEXT NOT NULL DEFAULT '[]',
    sizes TEXT NOT NULL DEFAULT '{}',
    bytes INTEGER NOT NULL DEFAULT 0,
    title TEXT NOT NULL DEFAULT '',
    started REAL, ended REAL,
    fingerprint TEXT NOT NULL DEFAULT '',
    launched_fingerprint TEXT,
    state TEXT NOT NULL,
    why TEXT NOT NULL DEFAULT '',
    progress TEXT NOT NULL DEFAULT '{}',
    result TEXT,
    ready_at REAL, finished_at REAL,
    updated REAL NOT NULL,
    priority INTEGER NOT NULL DEFAULT 0,
    wish TEXT NOT NULL DEFAULT '{}',
    again_at REAL,
    launched_sizes TEXT NOT NULL DEFAULT '{}',
    held_by TEXT
);
INSERT INTO "runs" VALUES(1,'/SANDBOX/dtn/runs/run1','ready','run 1 is complete: 2 segments of whole items, END_RUN in run-0001-01.evt','[0, 1]','{"0": 10644, "1": 10838}',21482,'sandbox run 1',1795710423.0,1795710423.0,'90e683ba046c0503c78a6fd47fb443f0','90e683ba046c0503c78a6fd47fb443f0','done','the result is back: run-0001-sorted.root','{"transfer": {"done": 2}, "fit": {"done": 2}, "convert": {"done": 2}, "analyze": {"done": 1}, "return": {"done": 1}}','/SANDBOX/dtn/results/run-0001-sorted.root',1.79571042431889367103e+09,1.79571042822306442261e+09,1.79571042822315382961e+09,0,'{}',NULL,'{"0": 10644, "1": 10838}',NULL);
INSERT INTO "runs" VALUES(2,'/SANDBOX/dtn/runs/run2','ready','run 2 is complete: 2 segments of whole items, END_RUN in run-0002-01.evt','[0, 1]','{"1": 10506, "0": 10096}',20602,'sandbox run 2',1795710428.0,1795710428.0,'f26dca6106ac79bb1e41ab5bdef5132c','f26dca6106ac79bb1e41ab5bdef5132c','failed','fit of segment 01 failed: fit of run 2 segment 01: return code 134: EventEditor ended with return code 134. r retries what is missing','{"transfer": {"done": 2}, "fit": {"done": 1, "failed": 1}, "convert": {"done": 1, "failed": 1}, "analyze": {"failed": 1}, "return": {"waiting": 1}}',NULL,1.79571042931377601627e+09,1.79571043379304122922e+09,1.79571043379328918452e+09,0,'{}',NULL,'{"0": 10096, "1": 10506}',NULL);
INSERT INTO "runs" VALUES(3,'/SANDBOX/dtn/runs/run3','ready','run 3 is complete: 2 segments of whole items, END_RUN in run-0003-01.evt','[0, 1]','{"1": 9914, "0": 10456}',20370,'sandbox run 3',1795710434.0,1795710434.0,'20960c5955f27088f4fdd5eee5e5e388','20960c5955f27088f4fdd5eee5e5e388','running','fit 0/2: segment 00 running since 16:27, usually fit takes 1 s: it may hang; r ends it and does it again','{"transfer": {"done": 2}, "fit": {"running": 2}, "convert": {"waiting": 2}, "analyze": {"waiting": 1}, "return": {"waiting": 1}}',NULL,1.79571043602382421494e+09,NULL,1.79571044288298916824e+09,0,'{}',NULL,'{"0": 10456, "1": 9914}',NULL);
INSERT INTO "runs" VALUES(5,'/SANDBOX/dtn/runs/run5','ready','run 5 is complete: 1 segment of whole items, END_RUN in run-0005-00.evt','[0]','{"0": 10414}',10414,'sandbox run 5',1795710436.0,1795710436.0,'1048d16ff5eb9c3aef28387ce39a46e2',NULL,'queued','held by me@here: h releases it','{}',NULL,1.79571044953583908079e+09,NULL,1.79571044973896694176e+09,0,'{}',NULL,'{}','me@here');
INSERT INTO "runs" VALUES(6,'/SANDBOX/dtn/runs/run6','ready','run 6 is complete: 1 segment of whole items, END_RUN in run-0006-00.evt','[0]','{"0": 11062}',11062,'sandbox run 6',1795710433.0,1795710433.0,'c72cf0e185f2b9b441b6093cdfa49f4a','c72cf0e185f2b9b441b6093cdfa49f4a','running','the flow run is inactive: Globus asks for a consent that is missing: urn:globus:auth:scope:transfer.api.globus.org:all[*https://auth.globus.org/scopes/5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d02/data_access]; give it (console login), which resumes it, or r','{"transfer": {"running": 1}, "fit": {"waiting": 1}, "convert": {"waiting": 1}, "analyze": {"waiting": 1}, "return": {"waiting": 1}}',NULL,1.79571043487664556504e+09,NULL,1.7957104349292693138e+09,0,'{}',NULL,'{"0": 11062}',NULL);
CREATE TABLE sources (name TEXT PRIMARY KEY, tried_at REAL NOT NULL, ok_at REAL, problem TEXT NOT NULL DEFAULT '') WITHOUT ROWID;
INSERT INTO "sources" VALUES('compute',1.79571044871699714664e+09,1.79571044871699714664e+09,'');
INSERT INTO "sources" VALUES('disk',1.79571044539317512507e+09,1.79571044539317512507e+09,'');
INSERT INTO "sources" VALUES('flows',1.79571044640380573275e+09,1.79571044640380573275e+09,'');
INSERT INTO "sources" VALUES('transfer',1.79571044769229269024e+09,1.79571044769229269024e+09,'');
CREATE TABLE tasks (
    task TEXT PRIMARY KEY,
    attempt INTEGER NOT NULL REFERENCES attempts (attempt),
    stage TEXT NOT NULL, place INTEGER NOT NULL,
    ended INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
INSERT INTO "tasks" VALUES('1236ba81-f18e-48ca-b108-7932ca3bbdaf',2,'analyze',0,1);
INSERT INTO "tasks" VALUES('1369e459-fb22-45c9-a40c-467da56304f8',1,'fit',0,1);
INSERT INTO "tasks" VALUES('55b452fd-1b69-435b-bcf2-86073064d1c8',2,'fit',0,1);
INSERT INTO "tasks" VALUES('6564e28b-284f-4e44-a10e-0b6207736351',1,'convert',1,1);
INSERT INTO "tasks" VALUES('769bd12e-cee3-47ed-bd54-a650f85f1c0e',4,'fit',1,0);
INSERT INTO "tasks" VALUES('a6d8344e-4d78-414b-9732-9f831dc4bead',4,'fit',0,0);
INSERT INTO "tasks" VALUES('b302b428-96c2-47a5-8130-5604f52ecbc9',2,'convert',0,1);
INSERT INTO "tasks" VALUES('c7db00ab-eed2-4d3a-b66a-c1bafc172459',1,'convert',0,1);
INSERT INTO "tasks" VALUES('d03267b1-9355-43a9-85fe-c2fc2379e8d7',2,'convert',1,1);
INSERT INTO "tasks" VALUES('e3dd420c-7ca5-4912-9a02-e6072f5882e5',2,'fit',1,1);
INSERT INTO "tasks" VALUES('ffab1ea9-55fa-417c-899a-00ec3ddba964',1,'fit',1,1);
CREATE TABLE waivers (
    run INTEGER NOT NULL, segment INTEGER NOT NULL, reason TEXT NOT NULL, actor TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (run, segment)
) WITHOUT ROWID;
CREATE INDEX runs_by_state ON runs (state);
CREATE INDEX runs_by_updated ON runs (updated);
CREATE INDEX attempts_by_state ON attempts (state);
CREATE INDEX tasks_by_attempt ON tasks (attempt);
CREATE INDEX failures_by_run ON failures (run);
CREATE INDEX reports_by_run ON reports (run);
CREATE INDEX requests_by_state ON requests (state);
CREATE INDEX events_by_run ON events (run);
CREATE INDEX bad_events ON events (event) WHERE level = 'bad';
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('events',31);
INSERT INTO "sqlite_sequence" VALUES('attempts',4);
INSERT INTO "sqlite_sequence" VALUES('requests',3);
COMMIT;
