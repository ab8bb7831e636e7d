-- Who changed what through an administration API. AUTOINCREMENT: the order of entries outlasts a purge.
CREATE TABLE audit_log (
    id         INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at_ms      INTEGER NOT NULL,
    app_id     INTEGER NOT NULL,
    identifier TEXT    NOT NULL,
    op_user    TEXT    NOT NULL,
    command    TEXT    NOT NULL,
    target     TEXT    NOT NULL,
    result     INTEGER NOT NULL,
    request_id TEXT    NOT NULL
) STRICT;

CREATE INDEX audit_log_app ON audit_log (app_id, id);
CREATE INDEX audit_log_at ON audit_log (at_ms);
