-- Adhoc channels; a voice room's existence comes from its own table.
CREATE TABLE talk_channel (
    app_id     INTEGER NOT NULL,
    channel_id TEXT    NOT NULL,
    created_ms INTEGER NOT NULL,
    version    INTEGER NOT NULL CHECK (version >= 1),
    PRIMARY KEY (app_id, channel_id)
) STRICT, WITHOUT ROWID;

-- What was decided about users, in channels of every kind. Erased with the channel.
CREATE TABLE talk_member (
    app_id              INTEGER NOT NULL,
    channel_id          TEXT    NOT NULL,
    user_id             TEXT    NOT NULL,
    identity            INTEGER CHECK (identity BETWEEN 1 AND 6),
    last_request_id     INTEGER,
    mic_grant           INTEGER NOT NULL CHECK (mic_grant IN (0, 1)),
    mute_audio_until_ms INTEGER NOT NULL,
    mute_video_until_ms INTEGER NOT NULL,
    updated_ms          INTEGER NOT NULL,
    PRIMARY KEY (app_id, channel_id, user_id)
) STRICT, WITHOUT ROWID;

-- AUTOINCREMENT: the order in which records were made outlasts a purge.
CREATE TABLE talk_call (
    id           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    app_id       INTEGER NOT NULL,
    channel_id   TEXT    NOT NULL,
    user_id      TEXT    NOT NULL,
    boot_id      INTEGER NOT NULL,
    join_ms      INTEGER NOT NULL,
    lost_ms      INTEGER,
    leave_ms     INTEGER CHECK (leave_ms >= join_ms),
    close_reason TEXT,
    CHECK ((leave_ms IS NULL) = (close_reason IS NULL)),
    CHECK (leave_ms IS NULL OR lost_ms IS NULL)
) STRICT;

-- One open record per user and channel.
CREATE UNIQUE INDEX talk_call_open ON talk_call (app_id, channel_id, user_id) WHERE leave_ms IS NULL;
CREATE INDEX talk_call_user ON talk_call (app_id, user_id, join_ms, id);
CREATE INDEX talk_call_ended ON talk_call (leave_ms) WHERE leave_ms IS NOT NULL;
CREATE INDEX talk_call_boot ON talk_call (boot_id);

-- One heartbeat per run of the server replaces one per call.
CREATE TABLE server_boot (
    boot_id      INTEGER NOT NULL PRIMARY KEY,
    started_ms   INTEGER NOT NULL,
    heartbeat_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX sanctions_user ON sanctions (app, user_id);
-- Lists of bans walk this; until_ms is in it so that expired ones are passed over without their rows.
CREATE INDEX sanctions_bans ON sanctions (app, created_ms, channel, user_id, until_ms) WHERE until_ms > 0;
-- Live rooms by the name of their channel.
CREATE INDEX voice_rooms_channel ON voice_rooms (app, lower(hex(id))) WHERE stopped_ms IS NULL;
