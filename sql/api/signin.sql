-- Signing in to the dashboard, and the consent flow: what is kept meanwhile.
-- Hashes are SHA-256 in hex: neither `state` nor a cookie is stored.

-- A sign-in or consent begins.
--   errors  PS429 100,000 are under way
CREATE OR REPLACE FUNCTION presence.oauth_begin(state_hash text, browser_hash text, purpose text,
    nonce text, verifier text, next text, t_id uuid)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = presence, pg_temp AS $$
BEGIN
    DELETE FROM oauth_state o WHERE o.state_hash IN (SELECT x.state_hash FROM oauth_state x
        WHERE x.created_at < now() - interval '10 minutes' ORDER BY x.created_at LIMIT 100
        FOR UPDATE SKIP LOCKED);
    IF (SELECT count(*) FROM (SELECT FROM oauth_state LIMIT 100000) x) >= 100000 THEN
        RAISE EXCEPTION 'too many people are signing in; try again in some minutes'
            USING ERRCODE = 'PS429';
    END IF;
    INSERT INTO oauth_state VALUES (decode($1, 'hex'), decode($2, 'hex'), $3, $4, $5, $6, $7, now());
END $$;

-- It comes back: one-time, within 10 minutes, to the browser that began it.
--   errors  PS403
CREATE OR REPLACE FUNCTION presence.oauth_take(state_hash text, browser_hash text, purpose text)
RETURNS TABLE (nonce text, verifier text, next text, tenant_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = presence, pg_temp AS $$
BEGIN
    RETURN QUERY DELETE FROM oauth_state o
    WHERE o.state_hash = decode($1, 'hex') AND o.browser_hash = decode($2, 'hex')
    AND o.purpose = $3 AND o.created_at >= now() - interval '10 minutes'
    RETURNING o.nonce, o.verifier, o.next, o.tenant_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'this sign-in is over, or was begun in another browser: begin again'
            USING ERRCODE = 'PS403';
    END IF;
END $$;

-- A person keeps the 20 newest sessions.
CREATE OR REPLACE FUNCTION presence.session_new(session_hash text, t_id uuid, u_id uuid, name text,
    roles text[], csrf text)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = presence, pg_temp AS $$
BEGIN
    DELETE FROM browser_session b WHERE b.session_hash IN (SELECT x.session_hash
        FROM browser_session x WHERE x.tenant_id = t_id AND x.user_id = u_id
        ORDER BY x.created_at DESC OFFSET 19);
    INSERT INTO browser_session VALUES
        (decode($1, 'hex'), t_id, u_id, left($4, 256), $5, $6, now(), now());
END $$;

-- No row: signed out. Ends after an hour without a request, or after 8 hours.
CREATE OR REPLACE FUNCTION presence.session_find(session_hash text)
RETURNS TABLE (tenant_id uuid, user_id uuid, name text, roles text[], csrf text, consent text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = presence, pg_temp AS $$
DECLARE
    s browser_session;
BEGIN
    SELECT * INTO s FROM browser_session b WHERE b.session_hash = decode($1, 'hex')
    AND b.created_at > now() - interval '8 hours' AND b.seen_at > now() - interval '1 hour';
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF s.seen_at NOT BETWEEN now() - interval '1 minute' AND now() THEN
        UPDATE browser_session b SET seen_at = now() WHERE b.session_hash = s.session_hash;
    END IF;
    RETURN QUERY SELECT s.tenant_id, s.user_id, s.name, s.roles, s.csrf, t.consent
    FROM tenant t WHERE t.tenant_id = s.tenant_id;
END $$;

CREATE OR REPLACE FUNCTION presence.session_end(session_hash text)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = presence, pg_temp AS
$$DELETE FROM browser_session b WHERE b.session_hash = decode($1, 'hex')$$;
