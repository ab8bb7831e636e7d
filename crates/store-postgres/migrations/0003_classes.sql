-- The class row's lock is the write lock of the class, its members, its channel's record and what was decided in it.
CREATE TABLE class (
    id                BYTEA    PRIMARY KEY CHECK (length(id) = 16),
    app               BIGINT   NOT NULL,
    -- Name of the media channel, as sanctions and talk_channel have it.
    meeting           TEXT COLLATE "C" NOT NULL CHECK (length(meeting) = 36),
    version           BIGINT   NOT NULL CHECK (version >= 1),
    created_ms        BIGINT   NOT NULL,
    updated_ms        BIGINT   NOT NULL,
    started_ms        BIGINT,
    stopped_ms        BIGINT,
    title             TEXT     NOT NULL,
    notice            TEXT     NOT NULL,
    teacher_id        TEXT COLLATE "C" NOT NULL,
    teacher_nick      TEXT     NOT NULL,
    extends           TEXT     NOT NULL,
    mode              SMALLINT NOT NULL CHECK (mode BETWEEN 0 AND 2),
    status            SMALLINT NOT NULL CHECK (status BETWEEN 0 AND 2),
    board_title       TEXT     NOT NULL,
    permit            TEXT,
    permit_only       TEXT COLLATE "C",
    permit_created_ms BIGINT,
    permit_updated_ms BIGINT,
    -- JSON: what clients share about who speaks.
    meeting_info      TEXT     NOT NULL,
    -- JSON: user ids in the order in which they came.
    stage             TEXT     NOT NULL,
    UNIQUE (app, meeting),
    CHECK ((permit IS NULL) = (permit_created_ms IS NULL)),
    CHECK ((permit IS NULL) = (permit_updated_ms IS NULL)),
    CHECK (permit IS NOT NULL OR permit_only IS NULL)
);

CREATE INDEX class_newest ON class (app, created_ms DESC, id DESC);
CREATE INDEX class_teacher ON class (app, teacher_id) WHERE status <> 2;
CREATE INDEX class_running ON class (app, meeting) WHERE status = 1;

CREATE TABLE class_member (
    class_id  BYTEA    NOT NULL REFERENCES class (id) ON DELETE CASCADE,
    user_id   TEXT COLLATE "C" NOT NULL,
    user_name TEXT     NOT NULL,
    avatar    TEXT,
    identity  SMALLINT NOT NULL CHECK (identity BETWEEN 1 AND 3),
    status    SMALLINT NOT NULL CHECK (status BETWEEN 1 AND 3),
    joined_ms BIGINT   NOT NULL,
    asked_ms  BIGINT   NOT NULL,
    connected BOOLEAN  NOT NULL,
    PRIMARY KEY (class_id, user_id)
);

-- One assistant per class.
CREATE UNIQUE INDEX class_member_slot ON class_member (class_id) WHERE identity = 2;
CREATE INDEX class_member_list ON class_member (class_id, identity DESC, status, joined_ms DESC, user_id);
CREATE INDEX class_member_assists ON class_member (user_id) WHERE identity = 2;
-- Read once at every start.
CREATE INDEX class_member_connected ON class_member (class_id, user_id) WHERE status = 1 AND connected;

CREATE TABLE class_doc (
    class_id   BYTEA  NOT NULL REFERENCES class (id) ON DELETE CASCADE,
    doc_id     TEXT COLLATE "C" NOT NULL,
    server     TEXT,
    data       TEXT   NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (class_id, doc_id)
);

CREATE TABLE class_check_in (
    id       BYTEA  PRIMARY KEY CHECK (length(id) = 16),
    class_id BYTEA  NOT NULL REFERENCES class (id) ON DELETE CASCADE,
    begun_by TEXT COLLATE "C" NOT NULL,
    start_ms BIGINT NOT NULL,
    secs     BIGINT NOT NULL CHECK (secs >= 0)
);

CREATE INDEX class_check_in_list ON class_check_in (class_id, start_ms, id);

CREATE TABLE class_check_in_record (
    check_in_id BYTEA  NOT NULL REFERENCES class_check_in (id) ON DELETE CASCADE,
    user_id     TEXT COLLATE "C" NOT NULL,
    at_ms       BIGINT NOT NULL,
    PRIMARY KEY (check_in_id, user_id)
);

-- Inserted with the class, only updated afterwards.
CREATE TABLE class_group (
    class_id BYTEA   PRIMARY KEY REFERENCES class (id) ON DELETE CASCADE,
    mute_all BOOLEAN NOT NULL DEFAULT FALSE,
    likes    BIGINT  NOT NULL DEFAULT 0 CHECK (likes >= 0)
);

CREATE TABLE class_mute (
    class_id BYTEA  NOT NULL REFERENCES class (id) ON DELETE CASCADE,
    user_id  TEXT COLLATE "C" NOT NULL,
    until_ms BIGINT NOT NULL,
    PRIMARY KEY (class_id, user_id)
);

-- A whiteboard is what its changes make of it, in order.
CREATE TABLE class_board (
    class_id BYTEA  NOT NULL REFERENCES class (id) ON DELETE CASCADE,
    seq      BIGINT GENERATED ALWAYS AS IDENTITY,
    change   BYTEA  NOT NULL,
    PRIMARY KEY (class_id, seq)
);

-- Names of channels whose class was deleted: never used again.
CREATE TABLE class_gone (
    app     BIGINT NOT NULL,
    meeting TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (app, meeting)
);
