-- Recording a PBX's next requests, so that an unknown one becomes a test case.
-- Whoever changes a recording locks the PBX's row first and its requests then.

-- One request, redacted by the caller.
--   p_key    of the recording that it was redacted for
--   returns  whether the recording goes on; false also when it had ended
CREATE OR REPLACE FUNCTION presence.capture_add(t_id uuid, p_id uuid, p_key text, method text,
    query text, headers text[], body text, cut boolean, status int, detail text)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = presence, pg_temp AS $$
DECLARE
    n int;
BEGIN
    UPDATE pbx p SET capture_left = p.capture_left - 1,
        capture_until_at = CASE WHEN p.capture_left > 1 THEN p.capture_until_at END,
        capture_key = CASE WHEN p.capture_left > 1 THEN p.capture_key END
    WHERE p.tenant_id = t_id AND p.pbx_id = p_id AND p.capture_key = p_key
    AND p.capture_left > 0 AND p.capture_until_at > now()
    RETURNING p.capture_left INTO n;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO capture VALUES (t_id, p_id, 20 - n, clock_timestamp(), $4, $5, $6, $7, $8, $9, $10);
    RETURN n > 0;
END $$;

-- Records the next 20 requests, for 24 h at most; what was recorded before is deleted.
--   errors  PS404
CREATE OR REPLACE FUNCTION presence.capture_start(t_id uuid, p_id uuid, p_key text, by uuid)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = presence, pg_temp AS $$
DECLARE
    was text;
BEGIN
    UPDATE pbx p SET capture_left = 20, capture_until_at = now() + interval '24 hours',
        capture_key = p_key
    WHERE p.tenant_id = t_id AND p.pbx_id = p_id RETURNING p.name INTO was;
    PERFORM pbx_need(t_id, p_id);
    DELETE FROM capture c WHERE c.tenant_id = t_id AND c.pbx_id = p_id;
    PERFORM admin_log(t_id, by, 'pbx', 'recording_started', was);
END $$;

-- Ends the recording and deletes what was recorded.
--   errors  PS404
CREATE OR REPLACE FUNCTION presence.capture_delete(t_id uuid, p_id uuid, by uuid)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = presence, pg_temp AS $$
DECLARE
    was text;
BEGIN
    UPDATE pbx p SET capture_left = 0, capture_until_at = NULL, capture_key = NULL
    WHERE p.tenant_id = t_id AND p.pbx_id = p_id RETURNING p.name INTO was;
    PERFORM pbx_need(t_id, p_id);
    DELETE FROM capture c WHERE c.tenant_id = t_id AND c.pbx_id = p_id;
    PERFORM admin_log(t_id, by, 'pbx', 'recording_deleted', was);
END $$;

-- Is something being recorded? At most one row.
--   errors  PS404
CREATE OR REPLACE FUNCTION presence.capture_state(t_id uuid, p_id uuid)
RETURNS TABLE (left_n int, until timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = presence, pg_temp AS $$
BEGIN
    PERFORM pbx_need(t_id, p_id);
    RETURN QUERY SELECT p.capture_left, p.capture_until_at FROM pbx p
    WHERE p.tenant_id = t_id AND p.pbx_id = p_id AND p.capture_until_at > now();
END $$;

-- What was recorded, in order; one: that number only.
--   errors  PS404: no such PBX; no request of that number
CREATE OR REPLACE FUNCTION presence.capture_rows(t_id uuid, p_id uuid, one int)
RETURNS TABLE (no int, at timestamptz, method text, query text, headers text[], body text,
    cut boolean, status int, detail text, platform text, auth text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = presence, pg_temp AS $$
BEGIN
    PERFORM pbx_need(t_id, p_id);
    RETURN QUERY SELECT c.no, c.at, c.method, c.query, c.headers, c.body, c.cut, c.status, c.detail,
        p.platform, p.auth
    FROM capture c JOIN pbx p USING (tenant_id, pbx_id)
    WHERE c.tenant_id = t_id AND c.pbx_id = p_id AND (one IS NULL OR c.no = one) ORDER BY c.no;
    IF one IS NOT NULL AND NOT FOUND THEN
        RAISE EXCEPTION 'there is no recorded request of this number' USING ERRCODE = 'PS404';
    END IF;
END $$;

-- For retention_sweep: recordings end after 24 h, requests go after 7 days. Leaves
-- alone what somebody changes just now.
CREATE OR REPLACE FUNCTION presence.capture_sweep()
RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    n int;
BEGIN
    UPDATE pbx p SET capture_left = 0, capture_until_at = NULL, capture_key = NULL
    FROM (SELECT x.tenant_id, x.pbx_id FROM pbx x WHERE x.capture_until_at <= now()
        LIMIT 1000 FOR NO KEY UPDATE SKIP LOCKED) x
    WHERE p.tenant_id = x.tenant_id AND p.pbx_id = x.pbx_id;
    DELETE FROM capture c USING (SELECT x.tenant_id, x.pbx_id, x.no FROM capture x
        WHERE x.at < now() - interval '7 days' LIMIT 1000 FOR UPDATE SKIP LOCKED) x
    WHERE c.tenant_id = x.tenant_id AND c.pbx_id = x.pbx_id AND c.no = x.no;
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n;
END $$;
