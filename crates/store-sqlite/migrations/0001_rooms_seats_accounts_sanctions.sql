-- Instants are Unix milliseconds, texts compare byte by byte (SQLite's default collation).

CREATE TABLE secrets (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
    user_id         TEXT    NOT NULL PRIMARY KEY,
    password_hash   TEXT    NOT NULL,
    admin           INTEGER NOT NULL CHECK (admin IN (0, 1)),
    disabled        INTEGER NOT NULL CHECK (disabled IN (0, 1)),
    revoked_at_secs INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE voice_rooms (
    id          BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    app         INTEGER NOT NULL,
    version     INTEGER NOT NULL CHECK (version >= 1),
    created_ms  INTEGER NOT NULL,
    updated_ms  INTEGER NOT NULL,
    started_ms  INTEGER NOT NULL,
    stopped_ms  INTEGER,
    show_code   INTEGER NOT NULL,
    title       TEXT    NOT NULL,
    notice      TEXT    NOT NULL,
    extends     TEXT    NOT NULL,
    cover_url   TEXT    NOT NULL,
    anchor_id   TEXT    NOT NULL,
    anchor_nick TEXT    NOT NULL
) STRICT;

-- A code is never used twice in an app, not even after a dismissal.
CREATE UNIQUE INDEX voice_rooms_show_code ON voice_rooms (app, show_code);
-- Lists show live rooms, newest first.
CREATE INDEX voice_rooms_newest ON voice_rooms (app, created_ms DESC, id DESC) WHERE stopped_ms IS NULL;
CREATE INDEX voice_rooms_owner ON voice_rooms (app, anchor_id) WHERE stopped_ms IS NULL;

-- Inserted with the room, only updated afterwards. extends NULL = never used.
CREATE TABLE voice_seats (
    room_id  BLOB    NOT NULL REFERENCES voice_rooms (id) ON DELETE CASCADE,
    seat     INTEGER NOT NULL CHECK (seat BETWEEN 1 AND 8),
    user_id  TEXT,
    extends  TEXT,
    join_ms  INTEGER,
    stay     INTEGER,
    attended INTEGER NOT NULL DEFAULT 0 CHECK (attended IN (0, 1)),
    PRIMARY KEY (room_id, seat),
    CHECK ((user_id IS NULL) = (join_ms IS NULL)),
    CHECK ((user_id IS NULL) = (stay IS NULL)),
    CHECK (user_id IS NOT NULL OR attended = 0)
) STRICT, WITHOUT ROWID;

-- One seat per user and room.
CREATE UNIQUE INDEX voice_seats_holder ON voice_seats (room_id, user_id) WHERE user_id IS NOT NULL;

CREATE TABLE sanctions (
    app             INTEGER NOT NULL,
    channel         TEXT    NOT NULL,
    user_id         TEXT    NOT NULL,
    source          TEXT    NOT NULL,
    acted_by        TEXT    NOT NULL,
    created_ms      INTEGER NOT NULL,
    until_ms        INTEGER NOT NULL,
    not_before_secs INTEGER NOT NULL,
    PRIMARY KEY (app, channel, user_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX sanctions_age ON sanctions (not_before_secs);

-- AUTOINCREMENT: a number is never used again, so a late "done" cannot remove another event.
CREATE TABLE outbox (
    seq      INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    event_id TEXT    NOT NULL,
    url      TEXT    NOT NULL,
    app      INTEGER NOT NULL,
    channel  TEXT    NOT NULL,
    body     TEXT    NOT NULL
) STRICT;
