-- A room's owner may switch everybody else's microphone off.
ALTER TABLE voice_rooms ADD COLUMN mics_off INTEGER NOT NULL DEFAULT 0 CHECK (mics_off IN (0, 1));

-- Message groups of rooms, classes and adhoc channels (hub.md 4.5). group_id is the id inside the app: 32 hexadecimal
-- digits of a room or class, or "talk:" and the channel's name. Rows of a group go when its place goes; no row in any of
-- these tables = nothing happened in it yet.
CREATE TABLE hub_group (
    app        INTEGER NOT NULL,
    group_id   TEXT    NOT NULL,
    mute_all   INTEGER NOT NULL DEFAULT 0 CHECK (mute_all IN (0, 1)),
    -- Highest number of a message that was ever handed out.
    handed_out INTEGER NOT NULL DEFAULT 0 CHECK (handed_out >= 0),
    pv         INTEGER NOT NULL DEFAULT 0 CHECK (pv >= 0),
    uv         INTEGER NOT NULL DEFAULT 0 CHECK (uv >= 0),
    likes      INTEGER NOT NULL DEFAULT 0 CHECK (likes >= 0),
    PRIMARY KEY (app, group_id)
) STRICT, WITHOUT ROWID;

-- Apart from the counters, which change with every join: these are long and change seldom.
CREATE TABLE hub_group_info (
    app      INTEGER NOT NULL,
    group_id TEXT    NOT NULL,
    meta     TEXT    NOT NULL,
    -- JSON text: an array of user ids.
    admins   TEXT    NOT NULL,
    PRIMARY KEY (app, group_id)
) STRICT;

CREATE TABLE hub_mute (
    app      INTEGER NOT NULL,
    group_id TEXT    NOT NULL,
    user_id  TEXT    NOT NULL,
    until_ms INTEGER NOT NULL,
    PRIMARY KEY (app, group_id, user_id)
) STRICT, WITHOUT ROWID;

-- Who ever joined.
CREATE TABLE hub_visitor (
    app      INTEGER NOT NULL,
    group_id TEXT    NOT NULL,
    user_id  TEXT    NOT NULL,
    -- Given at the last join.
    extension TEXT NOT NULL,
    PRIMARY KEY (app, group_id, user_id)
) STRICT, WITHOUT ROWID;

-- Messages ever stored, by type.
CREATE TABLE hub_amount (
    app      INTEGER NOT NULL,
    group_id TEXT    NOT NULL,
    kind     INTEGER NOT NULL,
    amount   INTEGER NOT NULL CHECK (amount >= 0),
    PRIMARY KEY (app, group_id, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE hub_message (
    app       INTEGER NOT NULL,
    group_id  TEXT    NOT NULL,
    seqnum    INTEGER NOT NULL,
    id        TEXT    NOT NULL,
    kind      INTEGER NOT NULL,
    sender    TEXT    NOT NULL,
    extension TEXT    NOT NULL,
    data      TEXT    NOT NULL,
    sid       TEXT    NOT NULL,
    at_ms     INTEGER NOT NULL,
    level     INTEGER NOT NULL,
    PRIMARY KEY (app, group_id, seqnum)
) STRICT;

CREATE UNIQUE INDEX hub_message_id ON hub_message (app, group_id, id);

-- Refresh tokens, by their hashes. Spent ones stay until they are over: whoever shows one again ends its family.
CREATE TABLE hub_refresh (
    seq         INTEGER NOT NULL PRIMARY KEY,
    hash        BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32),
    family      BLOB    NOT NULL CHECK (length(family) = 16),
    app         INTEGER NOT NULL,
    user_id     TEXT    NOT NULL,
    face        TEXT    NOT NULL,
    device      TEXT    NOT NULL,
    device_type TEXT    NOT NULL,
    expires_ms  INTEGER NOT NULL,
    spent       INTEGER NOT NULL CHECK (spent IN (0, 1))
) STRICT;

CREATE INDEX hub_refresh_family ON hub_refresh (family);
CREATE INDEX hub_refresh_device ON hub_refresh (app, user_id, face, device, seq) WHERE spent = 0;
CREATE INDEX hub_refresh_over ON hub_refresh (expires_ms);

-- Names that work once.
CREATE TABLE hub_used (
    name     TEXT    NOT NULL PRIMARY KEY,
    until_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX hub_used_over ON hub_used (until_ms);

-- What classes had of their own.
INSERT INTO hub_group (app, group_id, mute_all, likes)
    SELECT c.app, lower(hex(c.id)), g.mute_all, g.likes FROM class_group g JOIN class c ON c.id = g.class_id;
INSERT INTO hub_mute (app, group_id, user_id, until_ms)
    SELECT c.app, lower(hex(c.id)), m.user_id, m.until_ms FROM class_mute m JOIN class c ON c.id = m.class_id
    WHERE m.until_ms > 0;
DROP TABLE class_group;
DROP TABLE class_mute;
