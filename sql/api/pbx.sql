-- A customer's PBXs, and which extension belongs to whom.

-- Is its newest news a refusal? last_event_at is right to within 5 s.
CREATE OR REPLACE FUNCTION presence.pbx_refused_now(p presence.pbx)
RETURNS boolean LANGUAGE sql STABLE AS $$
SELECT coalesce(p.refused_at > now() - interval '24 hours'
    AND p.refused_at > coalesce(p.last_event_at, p.refused_at - interval '1 s'), false)
$$;

-- Connects a PBX.
--   p_id    made by the caller, because the sealed secret is bound to it
--   errors  PS400 names the field, PS404, PS409 there are 50
CREATE OR REPLACE FUNCTION presence.pbx_new(t_id uuid, p_id uuid, name text, platform text,
    auth text, secret text, max_call_s int, allow text[], by uuid)
RETURNS timestamptz LANGUAGE plpgsql SECURITY DEFINER SET search_path = presence, pg_temp AS $$
DECLARE
    t tenant := tenant_lock(t_id);
BEGIN
    PERFORM pbx_check($3, $7);
    IF (SELECT count(*) FROM pbx p WHERE p.tenant_id = t_id) >= 50 THEN
        RAISE EXCEPTION 'a tenant has at most 50 PBXs' USING ERRCODE = 'PS409';
    END IF;
    INSERT INTO pbx (tenant_id, pbx_id, name, platform, auth, secret, max_call_s, allow)
    VALUES (t_id, p_id, $3, $4, $5, $6, $7, coalesce($8, '{}'));
    PERFORM admin_log(t_id, by, 'pbx', 'connected', $3);
    RETURN now();
END $$;

CREATE OR REPLACE FUNCTION presence.pbx_check(name text, max_call_s int)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF length(name) NOT BETWEEN 1 AND 100 THEN
        RAISE EXCEPTION 'name must have 1 to 100 characters' USING ERRCODE = 'PS400';
    ELSIF max_call_s NOT BETWEEN 600 AND 86400 THEN
        RAISE EXCEPTION 'max_call_s must be a whole number from 600 to 86400'
            USING ERRCODE = 'PS400';
    END IF;
END $$;

-- The tenant's PBXs, the oldest first; one_id: that one only, PS404.
--   problem  why its newest request was refused (of the last 24 h), what is wrong
--            with its API, or that events came for an extension that is linked to
--            nobody (of the last 24 h)
CREATE OR REPLACE FUNCTION presence.pbx_rows(t_id uuid, one_id uuid)
RETURNS TABLE (pbx_id uuid, name text, platform text, auth text, max_call_s int, allow text[],
    created_at timestamptz, last_event_at timestamptz, problem text,
    secret_expires_at timestamptz, extensions int)
LANGUAGE sql STABLE AS $$
SELECT p.pbx_id, p.name, p.platform, p.auth, p.max_call_s, p.allow, p.created_at, p.last_event_at,
    CASE WHEN presence.pbx_refused_now(p) THEN p.refused
         WHEN a.problem IS NOT NULL THEN a.problem
         WHEN p.unknown_at > now() - interval '24 hours' AND NOT EXISTS
             (SELECT FROM presence.extension x WHERE x.tenant_id = p.tenant_id
              AND x.pbx_id = p.pbx_id AND x.extension = p.unknown_extension)
         THEN 'Events came for extension ' || p.unknown_extension || ', which is linked to nobody.'
    END,
    CASE WHEN p.old_until_at > now() THEN p.old_until_at END,
    (SELECT count(*)::int FROM presence.extension x
     WHERE x.tenant_id = p.tenant_id AND x.pbx_id = p.pbx_id)
FROM presence.pbx p LEFT JOIN presence.pbx_api a USING (tenant_id, pbx_id)
WHERE p.tenant_id = t_id AND (one_id IS NULL OR p.pbx_id = one_id)
ORDER BY p.created_at, p.pbx_id
$$;

CREATE OR REPLACE FUNCTION presence.pbx_list(t_id uuid)
RETURNS TABLE (pbx_id uuid, name text, platform text, auth text, max_call_s int, allow text[],
    created_at timestamptz, last_event_at timestamptz, problem text,
    secret_expires_at timestamptz, extensions int)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = presence, pg_temp AS
$$SELECT * FROM pbx_rows(t_id, NULL)$$;

CREATE OR REPLACE FUNCTION presence.pbx_get(t_id uuid, p_id uuid)
RETURNS TABLE (pbx_id uuid, name text, platform text, auth text, max_call_s int, allow text[],
    created_at timestamptz, last_event_at timestamptz, problem text,
    secret_expires_at timestamptz, extensions int)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = presence, pg_temp AS $$
BEGIN
    PERFORM pbx_need(t_id, p_id);
    RETURN QUERY SELECT * FROM pbx_rows(t_id, p_id);
END $$;

CREATE OR REPLACE FUNCTION presence.pbx_need(t_id uuid, p_id uuid)
RETURNS void LANGUAGE plpgsql STABLE AS $$
BEGIN
    PERFORM FROM pbx p WHERE p.tenant_id = t_id AND p.pbx_id = p_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'this PBX is not known here' USING ERRCODE = 'PS404';
    END IF;
END $$;

-- NULL keeps a value; an empty list of networks lets in any address.
CREATE OR REPLACE FUNCTION presence.pbx_change(t_id uuid, p_id uuid, name text, max_call_s int,
    allow text[], by uuid)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = presence, pg_temp AS $$
DECLARE
    t tenant := tenant_lock(t_id);
BEGIN
    PERFORM pbx_need(t_id, p_id);
    PERFORM pbx_check($3, $4);
    IF num_nonnulls($3, $4, $5) = 0 THEN
        RETURN;
    END IF;
    UPDATE pbx p SET name = coalesce($3, p.name), max_call_s = coalesce($4, p.max_call_s),
        allow = coalesce($5, p.allow)
    WHERE p.tenant_id = t_id AND p.pbx_id = p_id;
    IF $4 IS NOT NULL THEN      -- open calls may end earlier now
        INSERT INTO due AS d
        SELECT t_id, l.user_id, due_spread(clock_timestamp(), row_number() OVER ()) FROM call_leg l
        WHERE l.tenant_id = t_id AND l.pbx_id = p_id GROUP BY l.user_id
        ON CONFLICT (tenant_id, user_id) DO UPDATE SET at = least(d.at, EXCLUDED.at);
        UPDATE teams_user u SET stale_at = least(u.stale_at, clock_timestamp())     -- looked up anew
        WHERE u.tenant_id = t_id AND u.user_id IN
            (SELECT l.user_id FROM call_leg l WHERE l.tenant_id = t_id AND l.pbx_id = p_id);
    END IF;
    PERFORM admin_log(t_id, by, 'pbx', 'changed',
        (SELECT p.name FROM pbx p WHERE p.tenant_id = t_id AND p.pbx_id = p_id));
END $$;

-- A new secret; the one before stays valid for 24 h. Returns until when.
CREATE OR REPLACE FUNCTION presence.pbx_secret(t_id uuid, p_id uuid, sealed text, by uuid)
RETURNS timestamptz LANGUAGE plpgsql SECURITY DEFINER SET search_path = presence, pg_temp AS $$
DECLARE
    t tenant := tenant_lock(t_id);
    until timestamptz;
BEGIN
    PERFORM pbx_need(t_id, p_id);
    UPDATE pbx p SET old_secret = p.secret, old_until_at = now() + interval '24 hours',
        secret = sealed
    WHERE p.tenant_id = t_id AND p.pbx_id = p_id
    RETURNING p.old_until_at INTO until;
    -- The subscription goes to the new address once it is known everywhere.
    UPDATE pbx_api a SET at = now() + interval '2 s' WHERE a.tenant_id = t_id AND a.pbx_id = p_id;
    PERFORM admin_log(t_id, by, 'pbx', 'secret_changed',
        (SELECT p.name FROM pbx p WHERE p.tenant_id = t_id AND p.pbx_id = p_id));
    RETURN until;
END $$;

-- A tenant's links are changed by one at a time. Whoever changes them waits for
-- this first and for the tenant's lock then, so that a large import need not
-- hold that one for all its time.
CREATE OR REPLACE FUNCTION presence.links_turn(t_id uuid) RETURNS void LANGUAGE sql AS
$$SELECT pg_advisory_xact_lock(hashtextextended('presence links ' || t_id, 0))$$;

CREATE OR REPLACE FUNCTION presence.links_lock(t_id uuid)
RETURNS presence.tenant LANGUAGE plpgsql AS $$
BEGIN
    PERFORM links_turn(t_id);
    RETURN tenant_lock(t_id);
END $$;

-- R18 for everybody who was linked by it.
--   rows  at most 64 jobs; who is left is due now
CREATE OR REPLACE FUNCTION presence.pbx_delete(t_id uuid, p_id uuid, by uuid)
RETURNS SETOF presence.job LANGUAGE plpgsql SECURITY DEFINER
SET search_path = presence, pg_temp AS $$
DECLARE
    t tenant := links_lock(t_id);
    was text;
BEGIN
    PERFORM pbx_need(t_id, p_id);
    RETURN QUERY SELECT * FROM links_end(t, p_id, ARRAY(SELECT DISTINCT (l.user_id, l.extension)::link_end
        FROM call_leg l WHERE l.tenant_id = t_id AND l.pbx_id = p_id));
    DELETE FROM pbx p WHERE p.tenant_id = t_id AND p.pbx_id = p_id RETURNING p.name INTO was;
    PERFORM admin_log(t_id, by, 'pbx', 'deleted', was);
END $$;

-- Extensions in order, behind `after` (NULL: from the first), 1,000 at most.
CREATE OR REPLACE FUNCTION presence.extension_list(t_id uuid, p_id uuid, after text, most int)
RETURNS TABLE (extension text, user_id uuid, name text, upn text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = presence, pg_temp AS $$
BEGIN
    PERFORM pbx_need(t_id, p_id);
    RETURN QUERY SELECT x.extension, x.user_id, u.name, u.upn
    FROM extension x JOIN teams_user u USING (tenant_id, user_id)
    WHERE x.tenant_id = t_id AND x.pbx_id = p_id AND (after IS NULL OR x.extension > after)
    ORDER BY x.extension LIMIT greatest(1, least(most, 1000));
END $$;

-- Links one extension.
--   errors  PS404, PS409 the tenant has 200,000
CREATE OR REPLACE FUNCTION presence.link_one(t_id uuid, p_id uuid, ext text, u_id uuid, name text,
    upn text)
RETURNS SETOF presence.job LANGUAGE plpgsql SECURITY DEFINER
SET search_path = presence, pg_temp AS $$
DECLARE
    t tenant := links_lock(t_id);
    old uuid;
BEGIN
    PERFORM pbx_need(t_id, p_id);
    IF octet_length(ext) NOT BETWEEN 1 AND 128 THEN
        RAISE EXCEPTION 'extension must have 1 to 128 bytes' USING ERRCODE = 'PS400';
    END IF;
    INSERT INTO teams_user AS u (tenant_id, user_id, name, upn) VALUES (t_id, u_id, $5, $6)
    ON CONFLICT (tenant_id, user_id) DO UPDATE
    SET name = coalesce(EXCLUDED.name, u.name), upn = coalesce(EXCLUDED.upn, u.upn);
    SELECT x.user_id INTO old FROM extension x
    WHERE x.tenant_id = t_id AND x.pbx_id = p_id AND x.extension = ext;
    IF old = u_id THEN
        RETURN;
    ELSIF old IS NOT NULL THEN
        RETURN QUERY SELECT * FROM links_end(t, p_id, ARRAY[(old, ext)::link_end]);
        UPDATE extension x SET user_id = u_id, linked_at = now()
        WHERE x.tenant_id = t_id AND x.pbx_id = p_id AND x.extension = ext;
        RETURN;
    END IF;
    IF (SELECT count(*) FROM extension x WHERE x.tenant_id = t_id) >= 200000 THEN
        RAISE EXCEPTION 'a tenant has at most 200,000 extensions' USING ERRCODE = 'PS409';
    END IF;
    INSERT INTO extension VALUES (t_id, p_id, ext, u_id);
END $$;

CREATE OR REPLACE FUNCTION presence.extension_delete(t_id uuid, p_id uuid, ext text, by uuid)
RETURNS SETOF presence.job LANGUAGE plpgsql SECURITY DEFINER
SET search_path = presence, pg_temp AS $$
DECLARE
    t tenant := links_lock(t_id);
    old uuid;
BEGIN
    PERFORM pbx_need(t_id, p_id);
    DELETE FROM extension x WHERE x.tenant_id = t_id AND x.pbx_id = p_id AND x.extension = ext
    RETURNING x.user_id INTO old;
    IF old IS NULL THEN
        RAISE EXCEPTION 'this extension is not linked here' USING ERRCODE = 'PS404';
    END IF;
    RETURN QUERY SELECT * FROM links_end(t, p_id, ARRAY[(old, ext)::link_end]);
    PERFORM admin_log(t_id, by, 'extensions', 'unlinked', ext);
END $$;

-- Makes a PBX's list equal to `lines`, all or nothing.
--   lines   [{e extension, u user id, n name, p upn}]; of an extension that
--           stands there twice the first line counts
--   rows    kind done: linked = extensions in the list now, unlinked = those
--           that are gone, duplicates = [index into lines ...];
--           then kind publish, again as in apply, at most 64; who is left is due now
--   errors  PS404, PS409 more than 200,000 extensions in the tenant
CREATE OR REPLACE FUNCTION presence.extension_import(t_id uuid, p_id uuid, lines jsonb,
    dry_run boolean, by uuid)
RETURNS TABLE (kind text, i int, outcome text, tenant_id uuid, user_id uuid,
    goal text, goal_no bigint, claim_no bigint, expires_s int,
    linked int, unlinked int, duplicates jsonb)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = presence, pg_temp
SET enable_nestloop = off   -- the planner takes 100,000 lines of an array for 10
AS $$
#variable_conflict use_column
DECLARE
    t tenant;
    es text[];
    us uuid[];
    ns text[];
    ps text[];
    j job;
    jobs job[] := '{}';
BEGIN
    IF NOT dry_run THEN
        PERFORM links_turn(t_id);
    END IF;
    PERFORM pbx_need(t_id, p_id);
    SELECT array_agg(e) FILTER (WHERE nth = 1), array_agg(u) FILTER (WHERE nth = 1),
        array_agg(n) FILTER (WHERE nth = 1), array_agg(p) FILTER (WHERE nth = 1),
        coalesce(jsonb_agg(line - 1 ORDER BY line) FILTER (WHERE nth > 1), '[]')
    INTO es, us, ns, ps, duplicates
    FROM (SELECT r.*, row_number() OVER (PARTITION BY r.e ORDER BY r.line) AS nth
        FROM ROWS FROM (jsonb_to_recordset(lines) AS (e text, u uuid, n text, p text))
            WITH ORDINALITY AS r(e, u, n, p, line)) x;
    linked := cardinality(es);
    IF linked IS NULL THEN
        RAISE EXCEPTION 'no line can be linked' USING ERRCODE = 'PS400';
    ELSIF linked + (SELECT count(*) FROM extension x
        WHERE x.tenant_id = t_id AND x.pbx_id <> p_id) > 200000
    THEN
        RAISE EXCEPTION 'a tenant has at most 200,000 extensions' USING ERRCODE = 'PS409';
    END IF;
    SELECT count(*) INTO unlinked FROM extension x LEFT JOIN unnest(es) AS l(e) ON l.e = x.extension
    WHERE x.tenant_id = t_id AND x.pbx_id = p_id AND l.e IS NULL;
    IF NOT dry_run THEN
        -- What is new takes long, and disturbs nobody: the tenant's calls
        -- go on meanwhile.
        INSERT INTO teams_user (tenant_id, user_id, name, upn)
        SELECT DISTINCT ON (l.u) t_id, l.u, l.n, l.p FROM unnest(us, ns, ps) AS l(u, n, p)
        ORDER BY l.u
        ON CONFLICT (tenant_id, user_id) DO NOTHING;
        INSERT INTO extension (tenant_id, pbx_id, extension, user_id)
        SELECT t_id, p_id, l.e, l.u FROM unnest(es, us) AS l(e, u)
        ON CONFLICT (tenant_id, pbx_id, extension) DO NOTHING;
        t := tenant_lock(t_id);
        UPDATE teams_user o SET name = coalesce(l.n, o.name), upn = coalesce(l.p, o.upn)
        FROM (SELECT DISTINCT ON (x.u) x.u, x.n, x.p FROM unnest(us, ns, ps) AS x(u, n, p)
            ORDER BY x.u) l
        WHERE o.tenant_id = t_id AND o.user_id = l.u
        AND (o.name, o.upn) IS DISTINCT FROM (coalesce(l.n, o.name), coalesce(l.p, o.upn));
        FOR j IN SELECT * FROM links_end(t, p_id, ARRAY(
            SELECT DISTINCT (c.user_id, c.extension)::link_end FROM call_leg c
            LEFT JOIN unnest(es, us) AS l(e, u) ON l.e = c.extension
            WHERE c.tenant_id = t_id AND c.pbx_id = p_id AND l.u IS DISTINCT FROM c.user_id))
        LOOP
            jobs := jobs || j;
        END LOOP;
        DELETE FROM extension x WHERE x.tenant_id = t_id AND x.pbx_id = p_id
        AND NOT EXISTS (SELECT FROM unnest(es) AS l(e) WHERE l.e = x.extension);
        UPDATE extension o SET user_id = l.u, linked_at = now()
        FROM unnest(es, us) AS l(e, u)
        WHERE o.tenant_id = t_id AND o.pbx_id = p_id AND o.extension = l.e AND o.user_id <> l.u;
        PERFORM admin_log(t_id, by, 'extensions', 'imported',
            format('linked %s, unlinked %s', linked, unlinked));
    END IF;
    kind := 'done';
    RETURN NEXT;
    linked := NULL; unlinked := NULL; duplicates := NULL;
    FOREACH j IN ARRAY jobs LOOP
        kind := j.kind; tenant_id := j.tenant_id; user_id := j.user_id;
        goal := j.goal; goal_no := j.goal_no; claim_no := j.claim_no; expires_s := j.expires_s;
        RETURN NEXT;
    END LOOP;
END $$;

-- What the webhook's door must know of a PBX. Secrets are sealed.
--   capture_key  NULL: its requests are not recorded
CREATE OR REPLACE FUNCTION presence.pbx_door(p uuid)
RETURNS TABLE (tenant_id uuid, platform text, auth text, secret text, old_secret text, allow text[],
    capture_key text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = presence, pg_temp AS $$
SELECT x.tenant_id, x.platform, x.auth, x.secret,
    CASE WHEN x.old_until_at > now() THEN x.old_secret END, x.allow,
    CASE WHEN x.capture_until_at > now() THEN x.capture_key END
FROM pbx x WHERE x.pbx_id = p
$$;

-- A request that did not prove itself: shown on the PBX's page.
CREATE OR REPLACE FUNCTION presence.pbx_refused(p uuid, why text)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = presence, pg_temp AS $$
UPDATE pbx SET refused_at = now(), refused = left(why, 300)
WHERE pbx_id = p AND (refused_at IS NULL OR refused_at < now() - interval '5 s'
    OR refused_at > now())
$$;

-- A request with events of extensions that are linked to nobody, and no others: the
-- first one is shown on the PBX's page.
CREATE OR REPLACE FUNCTION presence.pbx_unknown(p uuid, ext text)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = presence, pg_temp AS $$
UPDATE pbx SET unknown_at = now(), unknown_extension = ext
WHERE pbx_id = p AND (unknown_at IS NULL OR unknown_at < now() - interval '5 s'
    OR unknown_at > now())
$$;
