-- Instants are Unix milliseconds. Texts compare byte by byte: COLLATE "C".

CREATE TABLE secrets (
    name  TEXT COLLATE "C" PRIMARY KEY,
    value BYTEA NOT NULL
);

CREATE TABLE accounts (
    user_id         TEXT COLLATE "C" PRIMARY KEY,
    password_hash   TEXT    NOT NULL,
    admin           BOOLEAN NOT NULL,
    disabled        BOOLEAN NOT NULL,
    revoked_at_secs BIGINT  NOT NULL
);

CREATE TABLE voice_rooms (
    id          BYTEA  PRIMARY KEY CHECK (length(id) = 16),
    app         BIGINT NOT NULL,
    version     BIGINT NOT NULL CHECK (version >= 1),
    created_ms  BIGINT NOT NULL,
    updated_ms  BIGINT NOT NULL,
    started_ms  BIGINT NOT NULL,
    stopped_ms  BIGINT,
    show_code   BIGINT NOT NULL,
    title       TEXT   NOT NULL,
    notice      TEXT   NOT NULL,
    extends     TEXT   NOT NULL,
    cover_url   TEXT   NOT NULL,
    anchor_id   TEXT COLLATE "C" NOT NULL,
    anchor_nick TEXT   NOT NULL
);

-- A code is never used twice in an app, not even after a dismissal.
CREATE UNIQUE INDEX voice_rooms_show_code ON voice_rooms (app, show_code);
-- Lists show live rooms, newest first.
CREATE INDEX voice_rooms_newest ON voice_rooms (app, created_ms DESC, id DESC) WHERE stopped_ms IS NULL;
CREATE INDEX voice_rooms_owner ON voice_rooms (app, anchor_id) WHERE stopped_ms IS NULL;

-- Inserted with the room, only updated afterwards. extends NULL = never used.
CREATE TABLE voice_seats (
    room_id  BYTEA    NOT NULL REFERENCES voice_rooms (id) ON DELETE CASCADE,
    seat     SMALLINT NOT NULL CHECK (seat BETWEEN 1 AND 8),
    user_id  TEXT COLLATE "C",
    extends  TEXT,
    join_ms  BIGINT,
    stay     BIGINT,
    attended BOOLEAN  NOT NULL DEFAULT FALSE,
    PRIMARY KEY (room_id, seat),
    CHECK ((user_id IS NULL) = (join_ms IS NULL)),
    CHECK ((user_id IS NULL) = (stay IS NULL)),
    CHECK (user_id IS NOT NULL OR NOT attended)
);

-- One seat per user and room.
CREATE UNIQUE INDEX voice_seats_holder ON voice_seats (room_id, user_id) WHERE user_id IS NOT NULL;

CREATE TABLE sanctions (
    app             BIGINT NOT NULL,
    channel         TEXT COLLATE "C" NOT NULL,
    user_id         TEXT COLLATE "C" NOT NULL,
    source          TEXT   NOT NULL,
    acted_by        TEXT   NOT NULL,
    created_ms      BIGINT NOT NULL,
    until_ms        BIGINT NOT NULL,
    not_before_secs BIGINT NOT NULL,
    PRIMARY KEY (app, channel, user_id)
);

CREATE INDEX sanctions_age ON sanctions (not_before_secs);

CREATE TABLE outbox (
    seq      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id TEXT   NOT NULL,
    url      TEXT   NOT NULL,
    app      BIGINT NOT NULL,
    channel  TEXT   NOT NULL,
    body     TEXT   NOT NULL
);
