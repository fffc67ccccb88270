package history

// applicationID marks the file as ours (SQLite's application_id): "SLIP".
const applicationID = 0x534c4950

// migrations are the versions of the schema in their order: the first makes
// version 1 of an empty file, each other one makes the next version of the one
// before it. Those that were released are never changed.
var migrations = []string{schema1, schema2}

// The text of docs/history.md tells what the columns are.
//
// An event's seq is its time in microseconds times perMicro, and a little more
// where it is taken: rows lie in the order of time, and a time is a range of seq.
// Addresses are a byte 4 or 6 and the bytes in network order: a network is a
// range of them, and IPv4 and IPv6 lie apart.
const schema1 = `
CREATE TABLE events (
	seq    INTEGER PRIMARY KEY,
	id     TEXT NOT NULL UNIQUE,
	kind   TEXT NOT NULL,
	tuple  TEXT,
	src    BLOB,
	dst    BLOB,
	label  TEXT,
	source TEXT,
	block  TEXT
) STRICT;
CREATE INDEX events_tuple ON events(tuple) WHERE tuple IS NOT NULL;
CREATE INDEX events_src ON events(src) WHERE src IS NOT NULL;
CREATE INDEX events_dst ON events(dst) WHERE dst IS NOT NULL;
CREATE INDEX events_block ON events(block) WHERE block IS NOT NULL;
CREATE TABLE event_bodies (
	seq  INTEGER PRIMARY KEY,
	body TEXT NOT NULL
) STRICT;

CREATE TABLE detections (
	seq       INTEGER PRIMARY KEY,
	tuple     TEXT NOT NULL,
	src       BLOB,
	dst       BLOB,
	label     TEXT NOT NULL,
	scorer    TEXT NOT NULL,
	first     INTEGER NOT NULL,
	last      INTEGER NOT NULL,
	count     INTEGER NOT NULL,
	score     REAL
) STRICT;
CREATE INDEX detections_last ON detections(last);
CREATE INDEX detections_tuple ON detections(tuple, last);
CREATE TABLE detection_bodies (
	seq  INTEGER PRIMARY KEY,
	body TEXT NOT NULL
) STRICT;

CREATE TABLE blocks (
	id      TEXT PRIMARY KEY,
	tuple   TEXT NOT NULL,
	scope   TEXT NOT NULL,
	since   INTEGER NOT NULL,
	until   INTEGER NOT NULL,
	ended   INTEGER,
	"end"   TEXT,
	renewal INTEGER NOT NULL,
	dry_run INTEGER NOT NULL,
	body    TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX blocks_tuple ON blocks(tuple, since);
CREATE INDEX blocks_until ON blocks(until);
-- For the block that a new one replaces, however often its tuple was blocked before.
CREATE INDEX blocks_open ON blocks(tuple) WHERE ended IS NULL;

-- Every label that there was, for finding those that fit a pattern.
CREATE TABLE labels (label TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;

-- For people with sqlite3, the newest first.
CREATE VIEW log AS
	SELECT datetime(e.seq / 1024000000, 'unixepoch') AS utc, e.kind, e.tuple, e.label,
		json_extract(b.body, '$.text') AS text, json_extract(b.body, '$.error') AS error, e.id
	FROM events e LEFT JOIN event_bodies b USING (seq) ORDER BY e.seq DESC;
CREATE VIEW detection_log AS
	SELECT datetime(first / 1000000, 'unixepoch') AS first_utc, datetime(last / 1000000, 'unixepoch') AS last_utc,
		tuple, label, count, score, scorer
	FROM detections ORDER BY last DESC;
`

// schema2 adds single matches, for asking another policy about them later
// (matches.go). They lie in the order of time.
const schema2 = `
ALTER TABLE detections ADD COLUMN kept INTEGER NOT NULL DEFAULT 0;
ALTER TABLE detections ADD COLUMN pending INTEGER NOT NULL DEFAULT 0;
ALTER TABLE detections ADD COLUMN pending_score REAL;
UPDATE detections SET pending = count, pending_score = score;
CREATE TABLE matches (
	at        INTEGER NOT NULL,
	episode   INTEGER NOT NULL,
	nth       INTEGER NOT NULL,
	count     INTEGER NOT NULL,
	time      INTEGER NOT NULL,
	score     REAL,
	flows     INTEGER NOT NULL,
	gap       INTEGER NOT NULL,
	source    INTEGER NOT NULL,
	generic   INTEGER NOT NULL,
	behaviour TEXT NOT NULL,
	normal    TEXT NOT NULL,
	PRIMARY KEY (at, episode, nth)
) STRICT, WITHOUT ROWID;
`
