-- Who changed what through an administration API.
CREATE TABLE audit_log (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at_ms      BIGINT NOT NULL,
    app_id     BIGINT NOT NULL,
    identifier TEXT   NOT NULL,
    op_user    TEXT   NOT NULL,
    command    TEXT   NOT NULL,
    target     TEXT   NOT NULL,
    result     BIGINT NOT NULL,
    request_id TEXT   NOT NULL
);

CREATE INDEX audit_log_app ON audit_log (app_id, id);
CREATE INDEX audit_log_at ON audit_log (at_ms);
