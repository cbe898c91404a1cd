CREATE TABLE IF NOT EXISTS {schema}.hallmark_audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    model text NOT NULL,
    table_name text NOT NULL,
    operation text NOT NULL,
    scope jsonb NOT NULL,
    key jsonb,
    before jsonb,
    after jsonb,
    caller text,
    session text,
    run text,
    database_user text NOT NULL DEFAULT session_user,
    transaction text NOT NULL DEFAULT pg_current_xact_id()::text
);
CREATE INDEX IF NOT EXISTS hallmark_audit_of_row ON {schema}.hallmark_audit (model, scope, key, id);
CREATE INDEX IF NOT EXISTS hallmark_audit_of_model ON {schema}.hallmark_audit (model, scope, id);
CREATE OR REPLACE FUNCTION {schema}.hallmark_audit_kept() RETURNS trigger LANGUAGE plpgsql AS $hallmark$
BEGIN
    RAISE EXCEPTION 'audit rows are never changed or removed' USING ERRCODE = 'insufficient_privilege';
END $hallmark$;
CREATE OR REPLACE TRIGGER hallmark_audit_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON {schema}.hallmark_audit
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.hallmark_audit_kept()
