-- A room's owner may switch everybody else's microphone off.
ALTER TABLE voice_rooms ADD COLUMN mics_off BOOLEAN NOT NULL DEFAULT FALSE;

-- Message groups of rooms, classes and adhoc channels (hub.md 4.5). group_id is the id inside the app: 32 hexadecimal
-- digits of a room or class, or "talk:" and the channel's name. Rows of a group go when its place goes; no row in any of
-- these tables = nothing happened in it yet. The lock is that of the place, shared: whoever ends the place has it alone.
CREATE TABLE hub_group (
    app        BIGINT  NOT NULL,
    group_id   TEXT COLLATE "C" NOT NULL,
    mute_all   BOOLEAN NOT NULL DEFAULT FALSE,
    -- Highest number of a message that was ever handed out.
    handed_out BIGINT  NOT NULL DEFAULT 0 CHECK (handed_out >= 0),
    pv         BIGINT  NOT NULL DEFAULT 0 CHECK (pv >= 0),
    uv         BIGINT  NOT NULL DEFAULT 0 CHECK (uv >= 0),
    likes      BIGINT  NOT NULL DEFAULT 0 CHECK (likes >= 0),
    PRIMARY KEY (app, group_id)
);

-- Apart from the counters, which change with every join: these are long and change seldom.
CREATE TABLE hub_group_info (
    app      BIGINT NOT NULL,
    group_id TEXT COLLATE "C" NOT NULL,
    meta     TEXT   NOT NULL,
    admins   TEXT[] NOT NULL,
    PRIMARY KEY (app, group_id)
);

CREATE TABLE hub_mute (
    app      BIGINT NOT NULL,
    group_id TEXT COLLATE "C" NOT NULL,
    user_id  TEXT COLLATE "C" NOT NULL,
    until_ms BIGINT NOT NULL,
    PRIMARY KEY (app, group_id, user_id)
);

-- Who ever joined.
CREATE TABLE hub_visitor (
    app      BIGINT NOT NULL,
    group_id TEXT COLLATE "C" NOT NULL,
    user_id  TEXT COLLATE "C" NOT NULL,
    -- Given at the last join.
    extension TEXT NOT NULL,
    PRIMARY KEY (app, group_id, user_id)
);

-- Messages ever stored, by type.
CREATE TABLE hub_amount (
    app      BIGINT NOT NULL,
    group_id TEXT COLLATE "C" NOT NULL,
    kind     BIGINT NOT NULL,
    amount   BIGINT NOT NULL CHECK (amount >= 0),
    PRIMARY KEY (app, group_id, kind)
);

CREATE TABLE hub_message (
    app       BIGINT   NOT NULL,
    group_id  TEXT COLLATE "C" NOT NULL,
    seqnum    BIGINT   NOT NULL,
    id        TEXT COLLATE "C" NOT NULL,
    kind      BIGINT   NOT NULL,
    sender    TEXT COLLATE "C" NOT NULL,
    extension TEXT     NOT NULL,
    data      TEXT     NOT NULL,
    sid       TEXT COLLATE "C" NOT NULL,
    at_ms     BIGINT   NOT NULL,
    level     SMALLINT NOT NULL,
    PRIMARY KEY (app, group_id, seqnum),
    UNIQUE (app, group_id, id)
);

-- Refresh tokens, by their hashes. Spent ones stay until they are over: whoever shows one again ends its family.
CREATE TABLE hub_refresh (
    seq         BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hash        BYTEA   NOT NULL UNIQUE CHECK (length(hash) = 32),
    family      BYTEA   NOT NULL CHECK (length(family) = 16),
    app         BIGINT  NOT NULL,
    user_id     TEXT COLLATE "C" NOT NULL,
    face        TEXT COLLATE "C" NOT NULL,
    device      TEXT COLLATE "C" NOT NULL,
    device_type TEXT    NOT NULL,
    expires_ms  BIGINT  NOT NULL,
    spent       BOOLEAN NOT NULL
);

CREATE INDEX hub_refresh_family ON hub_refresh (family);
CREATE INDEX hub_refresh_device ON hub_refresh (app, user_id, face, device, seq) WHERE NOT spent;
CREATE INDEX hub_refresh_over ON hub_refresh (expires_ms);

-- Names that work once.
CREATE TABLE hub_used (
    name     TEXT COLLATE "C" PRIMARY KEY,
    until_ms BIGINT NOT NULL
);

CREATE INDEX hub_used_over ON hub_used (until_ms);

-- What classes had of their own.
INSERT INTO hub_group (app, group_id, mute_all, likes)
    SELECT c.app, encode(c.id, 'hex'), g.mute_all, g.likes FROM class_group g JOIN class c ON c.id = g.class_id
    WHERE g.mute_all OR g.likes > 0;
INSERT INTO hub_mute (app, group_id, user_id, until_ms)
    SELECT c.app, encode(c.id, 'hex'), m.user_id, m.until_ms FROM class_mute m JOIN class c ON c.id = m.class_id
    WHERE m.until_ms > 0;
DROP TABLE class_group;
DROP TABLE class_mute;
