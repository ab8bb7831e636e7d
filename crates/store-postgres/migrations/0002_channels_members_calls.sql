-- Adhoc channels; a voice room's existence comes from its own table.
CREATE TABLE talk_channel (
    app_id     BIGINT NOT NULL,
    channel_id TEXT COLLATE "C" NOT NULL,
    created_ms BIGINT NOT NULL,
    version    BIGINT NOT NULL CHECK (version >= 1),
    PRIMARY KEY (app_id, channel_id)
);

-- What was decided about users, in channels of every kind. Erased with the channel.
CREATE TABLE talk_member (
    app_id              BIGINT   NOT NULL,
    channel_id          TEXT COLLATE "C" NOT NULL,
    user_id             TEXT COLLATE "C" NOT NULL,
    identity            SMALLINT CHECK (identity BETWEEN 1 AND 6),
    last_request_id     BIGINT,
    mic_grant           BOOLEAN  NOT NULL,
    mute_audio_until_ms BIGINT   NOT NULL,
    mute_video_until_ms BIGINT   NOT NULL,
    updated_ms          BIGINT   NOT NULL,
    PRIMARY KEY (app_id, channel_id, user_id)
);

CREATE TABLE talk_call (
    id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    app_id       BIGINT NOT NULL,
    channel_id   TEXT COLLATE "C" NOT NULL,
    user_id      TEXT COLLATE "C" NOT NULL,
    boot_id      BIGINT NOT NULL,
    join_ms      BIGINT NOT NULL,
    lost_ms      BIGINT,
    leave_ms     BIGINT CHECK (leave_ms >= join_ms),
    close_reason TEXT,
    CHECK ((leave_ms IS NULL) = (close_reason IS NULL)),
    CHECK (leave_ms IS NULL OR lost_ms IS NULL)
);

-- One open record per user and channel.
CREATE UNIQUE INDEX talk_call_open ON talk_call (app_id, channel_id, user_id) WHERE leave_ms IS NULL;
CREATE INDEX talk_call_user ON talk_call (app_id, user_id, join_ms, id);
CREATE INDEX talk_call_ended ON talk_call (leave_ms) WHERE leave_ms IS NOT NULL;
CREATE INDEX talk_call_boot ON talk_call (boot_id);

-- One heartbeat per run of the server replaces one per call.
CREATE TABLE server_boot (
    boot_id      BIGINT PRIMARY KEY,
    started_ms   BIGINT NOT NULL,
    heartbeat_ms BIGINT NOT NULL
);

CREATE INDEX sanctions_user ON sanctions (app, user_id);
-- Lists of bans walk this; until_ms is in it so that expired ones are passed over without their rows.
CREATE INDEX sanctions_bans ON sanctions (app, created_ms, channel, user_id, until_ms) WHERE until_ms > 0;
-- Live rooms by the name of their channel: hexadecimal digits sort as the bytes they stand for.
CREATE INDEX voice_rooms_channel ON voice_rooms (app, id) WHERE stopped_ms IS NULL;
