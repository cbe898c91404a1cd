DECLARE
    by_whom jsonb := nullif(current_setting('hallmark.by', true), '')::jsonb;
    keys text[] := ARRAY(SELECT jsonb_array_elements_text(TG_ARGV[1]::jsonb));
    owners text[] := ARRAY(SELECT jsonb_array_elements_text(TG_ARGV[2]::jsonb));
    masked text[] := ARRAY(SELECT jsonb_array_elements_text(TG_ARGV[3]::jsonb));
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        INSERT INTO {schema}.hallmark_audit (model, table_name, operation, scope, caller, session, run)
        VALUES (TG_ARGV[0], TG_TABLE_NAME, 'truncate', 'null', by_whom ->> 'caller', by_whom ->> 'session', by_whom ->> 'run');
        RETURN NULL;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO {schema}.hallmark_audit (model, table_name, operation, scope, key, after, caller, session, run)
        SELECT TG_ARGV[0], TG_TABLE_NAME, 'insert',
            (SELECT coalesce(jsonb_agg(coalesce(n.r ->> o, '') ORDER BY i), '[]') FROM unnest(owners) WITH ORDINALITY u(o, i)),
            (SELECT jsonb_agg(n.r -> k ORDER BY i) FROM unnest(keys) WITH ORDINALITY u(k, i)),
            (SELECT jsonb_object_agg(f.key, CASE WHEN f.key = ANY (masked) AND f.value <> 'null' THEN '"********"' ELSE f.value END)
                FROM jsonb_each(n.r) f),
            by_whom ->> 'caller', by_whom ->> 'session', by_whom ->> 'run'
        FROM (SELECT to_jsonb(h) AS r FROM hallmark_new h) n;
        RETURN NULL;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO {schema}.hallmark_audit (model, table_name, operation, scope, key, before, caller, session, run)
        SELECT TG_ARGV[0], TG_TABLE_NAME, 'delete',
            (SELECT coalesce(jsonb_agg(coalesce(n.r ->> o, '') ORDER BY i), '[]') FROM unnest(owners) WITH ORDINALITY u(o, i)),
            (SELECT jsonb_agg(n.r -> k ORDER BY i) FROM unnest(keys) WITH ORDINALITY u(k, i)),
            (SELECT jsonb_object_agg(f.key, CASE WHEN f.key = ANY (masked) AND f.value <> 'null' THEN '"********"' ELSE f.value END)
                FROM jsonb_each(n.r) f),
            by_whom ->> 'caller', by_whom ->> 'session', by_whom ->> 'run'
        FROM (SELECT to_jsonb(h) AS r FROM hallmark_old h) n;
        RETURN NULL;
    END IF;
    -- A row whose key or owner changed is another one: who owned it sees it go, who owns it sees it come.
    INSERT INTO {schema}.hallmark_audit (model, table_name, operation, scope, key, before, after, caller, session, run)
    SELECT TG_ARGV[0], TG_TABLE_NAME,
        CASE WHEN p.was IS NULL THEN 'insert' WHEN p.is_now IS NULL THEN 'delete' ELSE 'update' END, p.scope, p.key,
        (SELECT jsonb_object_agg(f.key, CASE WHEN f.key = ANY (masked) AND f.value <> 'null' THEN '"********"' ELSE f.value END)
            FROM jsonb_each(p.was) f WHERE p.is_now IS NULL OR f.value IS DISTINCT FROM p.is_now -> f.key),
        (SELECT jsonb_object_agg(f.key, CASE WHEN f.key = ANY (masked) AND f.value <> 'null' THEN '"********"' ELSE f.value END)
            FROM jsonb_each(p.is_now) f WHERE p.was IS NULL OR f.value IS DISTINCT FROM p.was -> f.key),
        by_whom ->> 'caller', by_whom ->> 'session', by_whom ->> 'run'
    FROM (
        SELECT key, scope, was, is_now
        FROM (SELECT to_jsonb(h) AS was,
                (SELECT jsonb_agg(to_jsonb(h) -> k ORDER BY i) FROM unnest(keys) WITH ORDINALITY u(k, i)) AS key,
                (SELECT coalesce(jsonb_agg(coalesce(to_jsonb(h) ->> o, '') ORDER BY i), '[]') FROM unnest(owners) WITH ORDINALITY u(o, i)) AS scope
            FROM hallmark_old h) a
        FULL JOIN (SELECT to_jsonb(h) AS is_now,
                (SELECT jsonb_agg(to_jsonb(h) -> k ORDER BY i) FROM unnest(keys) WITH ORDINALITY u(k, i)) AS key,
                (SELECT coalesce(jsonb_agg(coalesce(to_jsonb(h) ->> o, '') ORDER BY i), '[]') FROM unnest(owners) WITH ORDINALITY u(o, i)) AS scope
            FROM hallmark_new h) b USING (key, scope)
    ) p
    WHERE p.was IS DISTINCT FROM p.is_now;
    RETURN NULL;
END
