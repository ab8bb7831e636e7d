-- Uploaded courseware. doc_id is NULL until all of it is there; a file goes with its document and with its class.
CREATE TABLE class_file (
    id         BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    class_id   BLOB    NOT NULL REFERENCES class (id) ON DELETE CASCADE,
    doc_id     TEXT,
    name       TEXT    NOT NULL,
    kind       INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 5),
    size       INTEGER NOT NULL CHECK (size > 0),
    created_ms INTEGER NOT NULL,
    FOREIGN KEY (class_id, doc_id) REFERENCES class_doc (class_id, doc_id) ON DELETE CASCADE
) STRICT;

CREATE UNIQUE INDEX class_file_doc ON class_file (class_id, doc_id);
CREATE INDEX class_file_unfinished ON class_file (created_ms) WHERE doc_id IS NULL;

-- Its content, in parts of equal size but for the last. Not tied to the file: freeing hundreds of megabytes in one
-- statement would keep everybody else from writing.
CREATE TABLE class_file_part (
    file_id BLOB    NOT NULL,
    part    INTEGER NOT NULL CHECK (part >= 0),
    data    BLOB    NOT NULL,
    PRIMARY KEY (file_id, part)
) STRICT;

-- Files whose parts are still to be removed.
CREATE TABLE class_file_gone (
    file_id BLOB NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TRIGGER class_file_goes AFTER DELETE ON class_file BEGIN
    INSERT OR IGNORE INTO class_file_gone (file_id) VALUES (OLD.id);
END;
