-- Classes (classroom.md 8.1). Everything below a class goes with it.
CREATE TABLE class (
    id                BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    app               INTEGER NOT NULL,
    -- As the media channel is called, a UUID in lower case: joined with what is stored of channels.
    meeting           TEXT    NOT NULL CHECK (length(meeting) = 36),
    version           INTEGER NOT NULL CHECK (version >= 1),
    created_ms        INTEGER NOT NULL,
    updated_ms        INTEGER NOT NULL,
    started_ms        INTEGER,
    stopped_ms        INTEGER,
    title             TEXT    NOT NULL,
    notice            TEXT    NOT NULL,
    teacher_id        TEXT    NOT NULL,
    teacher_nick      TEXT    NOT NULL,
    extends           TEXT    NOT NULL,
    mode              INTEGER NOT NULL CHECK (mode BETWEEN 0 AND 2),
    status            INTEGER NOT NULL CHECK (status BETWEEN 0 AND 2),
    board_title       TEXT    NOT NULL,
    permit            TEXT,
    permit_only       TEXT,
    permit_created_ms INTEGER,
    permit_updated_ms INTEGER,
    -- JSON texts: the object that clients share, the users on stage in order.
    meeting_info      TEXT    NOT NULL,
    stage             TEXT    NOT NULL,
    CHECK ((permit IS NULL) = (permit_created_ms IS NULL)),
    CHECK ((permit IS NULL) = (permit_updated_ms IS NULL)),
    CHECK (permit IS NOT NULL OR permit_only IS NULL)
) STRICT;

CREATE UNIQUE INDEX class_meeting ON class (app, meeting);
CREATE INDEX class_newest ON class (app, created_ms DESC, id DESC);
-- Running classes by the name of their channel.
CREATE INDEX class_running ON class (app, meeting) WHERE status = 1;
CREATE INDEX class_teacher ON class (app, teacher_id) WHERE status < 2;

CREATE TABLE class_member (
    class_id  BLOB    NOT NULL REFERENCES class (id) ON DELETE CASCADE,
    user_id   TEXT    NOT NULL,
    name      TEXT    NOT NULL,
    avatar    TEXT,
    identity  INTEGER NOT NULL CHECK (identity BETWEEN 1 AND 3),
    status    INTEGER NOT NULL CHECK (status BETWEEN 1 AND 3),
    joined_ms INTEGER NOT NULL,
    asked_ms  INTEGER NOT NULL,
    connected INTEGER NOT NULL CHECK (connected IN (0, 1)),
    PRIMARY KEY (class_id, user_id)
) STRICT, WITHOUT ROWID;

-- One slot per class.
CREATE UNIQUE INDEX class_member_slot ON class_member (class_id) WHERE identity = 2;
CREATE INDEX class_member_list ON class_member (class_id, identity DESC, status, joined_ms DESC, user_id);
CREATE INDEX class_member_assists ON class_member (user_id) WHERE identity = 2;
-- Read once at every start.
CREATE INDEX class_member_connected ON class_member (class_id, user_id) WHERE status = 1 AND connected = 1;

CREATE TABLE class_doc (
    class_id   BLOB    NOT NULL REFERENCES class (id) ON DELETE CASCADE,
    doc_id     TEXT    NOT NULL,
    server     TEXT,
    data       TEXT    NOT NULL,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (class_id, doc_id)
) STRICT;

CREATE INDEX class_doc_order ON class_doc (class_id, created_ms, doc_id);

CREATE TABLE class_check_in (
    id       BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    class_id BLOB    NOT NULL REFERENCES class (id) ON DELETE CASCADE,
    begun_by TEXT    NOT NULL,
    start_ms INTEGER NOT NULL,
    secs     INTEGER NOT NULL CHECK (secs >= 0)
) STRICT;

CREATE INDEX class_check_in_order ON class_check_in (class_id, start_ms, id);

CREATE TABLE class_check_in_record (
    check_in_id BLOB    NOT NULL REFERENCES class_check_in (id) ON DELETE CASCADE,
    user_id     TEXT    NOT NULL,
    at_ms       INTEGER NOT NULL,
    PRIMARY KEY (check_in_id, user_id)
) STRICT, WITHOUT ROWID;

-- Of the message group. No row = nothing happened in it yet.
CREATE TABLE class_group (
    class_id BLOB    NOT NULL PRIMARY KEY REFERENCES class (id) ON DELETE CASCADE,
    mute_all INTEGER NOT NULL CHECK (mute_all IN (0, 1)),
    likes    INTEGER NOT NULL CHECK (likes >= 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE class_mute (
    class_id BLOB    NOT NULL REFERENCES class (id) ON DELETE CASCADE,
    user_id  TEXT    NOT NULL,
    until_ms INTEGER NOT NULL,
    PRIMARY KEY (class_id, user_id)
) STRICT, WITHOUT ROWID;

-- Changes of whiteboards in the order they were appended; seq rises over all boards.
CREATE TABLE class_board (
    seq      INTEGER NOT NULL PRIMARY KEY,
    class_id BLOB    NOT NULL REFERENCES class (id) ON DELETE CASCADE,
    data     BLOB    NOT NULL
) STRICT;

CREATE INDEX class_board_order ON class_board (class_id, seq);

-- Channels of deleted classes: such a name never opens anything again.
CREATE TABLE class_gone (
    app     INTEGER NOT NULL,
    meeting TEXT    NOT NULL,
    PRIMARY KEY (app, meeting)
) STRICT, WITHOUT ROWID;
