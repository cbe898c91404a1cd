DECLARE
    keys text[] := ARRAY(SELECT jsonb_array_elements_text(TG_ARGV[1]::jsonb));
    owners text[] := ARRAY(SELECT jsonb_array_elements_text(TG_ARGV[2]::jsonb));
    rows jsonb;
    notice jsonb := jsonb_build_object('model', TG_ARGV[0], 'by', pg_current_xact_id()::xid::text);
BEGIN
    -- As many rows as a notice may name; of more, the whole table is named.
    IF TG_OP = 'INSERT' THEN
        SELECT jsonb_agg(jsonb_build_array(
            (SELECT coalesce(jsonb_agg(coalesce(n.r ->> o, '') ORDER BY i), '[]') FROM unnest(owners) WITH ORDINALITY u(o, i)),
            (SELECT jsonb_agg(n.r -> k ORDER BY i) FROM unnest(keys) WITH ORDINALITY u(k, i))))
        INTO rows FROM (SELECT to_jsonb(h) AS r FROM hallmark_new h LIMIT 65) n;
    ELSIF TG_OP = 'DELETE' THEN
        SELECT jsonb_agg(jsonb_build_array(
            (SELECT coalesce(jsonb_agg(coalesce(n.r ->> o, '') ORDER BY i), '[]') FROM unnest(owners) WITH ORDINALITY u(o, i)),
            (SELECT jsonb_agg(n.r -> k ORDER BY i) FROM unnest(keys) WITH ORDINALITY u(k, i))))
        INTO rows FROM (SELECT to_jsonb(h) AS r FROM hallmark_old h LIMIT 65) n;
    ELSIF TG_OP = 'UPDATE' THEN
        SELECT jsonb_agg(DISTINCT jsonb_build_array(
            (SELECT coalesce(jsonb_agg(coalesce(n.r ->> o, '') ORDER BY i), '[]') FROM unnest(owners) WITH ORDINALITY u(o, i)),
            (SELECT jsonb_agg(n.r -> k ORDER BY i) FROM unnest(keys) WITH ORDINALITY u(k, i))))
        INTO rows FROM (
            (SELECT to_jsonb(h) AS r FROM hallmark_old h LIMIT 65)
            UNION ALL (SELECT to_jsonb(h) FROM hallmark_new h LIMIT 65)) n;
    END IF;
    IF TG_OP <> 'TRUNCATE' AND rows IS NULL THEN
        RETURN NULL;
    END IF;
    IF jsonb_array_length(rows) <= 64 AND octet_length(rows::text) < 7000 THEN
        notice := notice || jsonb_build_object('rows', rows);
    END IF;
    PERFORM pg_notify('hallmark_' || left(encode(sha256(TG_TABLE_SCHEMA::text::bytea), 'hex'), 32), notice::text);
    RETURN NULL;
END
