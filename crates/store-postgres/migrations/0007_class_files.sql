-- Uploaded courseware. doc_id is NULL until all of it is there; a file goes with its document and with its class.
CREATE TABLE class_file (
    id         BYTEA    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    class_id   BYTEA    NOT NULL REFERENCES class (id) ON DELETE CASCADE,
    doc_id     TEXT     COLLATE "C",
    name       TEXT     NOT NULL,
    kind       SMALLINT NOT NULL CHECK (kind BETWEEN 1 AND 5),
    size       BIGINT   NOT NULL CHECK (size > 0),
    created_ms BIGINT   NOT NULL,
    FOREIGN KEY (class_id, doc_id) REFERENCES class_doc (class_id, doc_id) ON DELETE CASCADE
);

CREATE UNIQUE INDEX class_file_doc ON class_file (class_id, doc_id);
CREATE INDEX class_file_unfinished ON class_file (created_ms) WHERE doc_id IS NULL;

-- Its content, in parts of equal size but for the last. Not tied to the file: a class with hundreds of megabytes is
-- deleted at once, and its parts in steps.
CREATE TABLE class_file_part (
    file_id BYTEA   NOT NULL,
    part    INTEGER NOT NULL CHECK (part >= 0),
    data    BYTEA   NOT NULL,
    PRIMARY KEY (file_id, part)
);
-- What is uploaded is packed already.
ALTER TABLE class_file_part ALTER COLUMN data SET STORAGE EXTERNAL;

-- Files whose parts are still to be removed.
CREATE TABLE class_file_gone (
    file_id BYTEA NOT NULL PRIMARY KEY
);

CREATE FUNCTION class_file_goes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO class_file_gone (file_id) VALUES (OLD.id) ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

CREATE TRIGGER class_file_goes AFTER DELETE ON class_file FOR EACH ROW EXECUTE FUNCTION class_file_goes();
