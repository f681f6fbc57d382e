-- A customer: its consent, its settings, what is left to do for it.

-- A tenant comes into being, or gets its name. A name NULL or '' keeps the old;
-- the lease is a new tenant's.
CREATE OR REPLACE FUNCTION presence.tenant_ensure(t_id uuid, name text, new_lease_s int)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = presence, pg_temp AS $$
BEGIN
    INSERT INTO tenant AS t (tenant_id, name, lease_s)
    VALUES (t_id, left(coalesce($2, ''), 256), new_lease_s)
    ON CONFLICT (tenant_id) DO UPDATE SET name = EXCLUDED.name
    WHERE EXCLUDED.name <> '' AND t.name <> EXCLUDED.name;
    INSERT INTO tenant_budget (tenant_id) VALUES (t_id) ON CONFLICT DO NOTHING;
END $$;

-- The dashboard's view of a tenant; no row: we do not know it.
--   item_*  todo, done, problem; of the credential only what Microsoft said
CREATE OR REPLACE FUNCTION presence.tenant_view(t_id uuid)
RETURNS TABLE (consent text, granted_at timestamptz, granted_by_name text, checked_at timestamptz,
    problem text, after_call text, ringing_is_busy boolean, lease_s int, item_pbx text,
    item_extensions text, item_teams_app text, item_consent text, item_credential text,
    credential_problem text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = presence, pg_temp AS $$
SELECT t.consent, t.granted_at, t.granted_by_name, t.checked_at, t.consent_problem,
    t.after_call, t.ringing_is_busy, t.lease_s,
    (SELECT CASE WHEN count(*) = 0 THEN 'todo'
                 WHEN bool_or(pbx_refused_now(p)) THEN 'problem' ELSE 'done' END
     FROM pbx p WHERE p.tenant_id = t_id),
    CASE WHEN NOT EXISTS (SELECT FROM extension x WHERE x.tenant_id = t_id) THEN 'todo'
         WHEN EXISTS (SELECT FROM teams_user u JOIN extension x USING (tenant_id, user_id)
             WHERE u.tenant_id = t_id AND u.problem = 'user_not_found') THEN 'problem'
         ELSE 'done' END,
    CASE WHEN t.app_package_at IS NOT NULL
        OR EXISTS (SELECT FROM teams_user u WHERE u.tenant_id = t_id AND u.monitoring)
        THEN 'done' ELSE 'todo' END,
    CASE t.consent WHEN 'granted' THEN 'done' WHEN 'lost' THEN 'problem' ELSE 'todo' END,
    CASE WHEN t.credential_problem IS NULL THEN 'done' ELSE 'problem' END,
    t.credential_problem
FROM tenant t WHERE t.tenant_id = t_id
$$;

-- Settings; NULL keeps one. They hold for open calls too.
--   errors  PS400 names the field, PS404
CREATE OR REPLACE FUNCTION presence.tenant_settings(t_id uuid, after_call text,
    ringing_is_busy boolean, lease_s int, by uuid)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = presence, pg_temp AS $$
#variable_conflict use_column
DECLARE
    t tenant := tenant_lock(t_id);
    u teams_user;
    was bigint;
    steps step[] := '{}';
    at timestamptz := clock_timestamp();
BEGIN
    IF tenant_settings.after_call NOT IN ('available', 'clear') THEN
        RAISE EXCEPTION 'settings.after_call must be available or clear' USING ERRCODE = 'PS400';
    ELSIF tenant_settings.lease_s NOT BETWEEN 300 AND 14400 THEN
        RAISE EXCEPTION 'settings.lease_s must be a whole number from 300 to 14400'
            USING ERRCODE = 'PS400';
    END IF;
    IF num_nonnulls($2, $3, $4) = 0 THEN
        RETURN;
    END IF;
    UPDATE tenant x SET after_call = coalesce(tenant_settings.after_call, x.after_call),
        ringing_is_busy = coalesce(tenant_settings.ringing_is_busy, x.ringing_is_busy),
        lease_s = coalesce(tenant_settings.lease_s, x.lease_s)
    WHERE x.tenant_id = t_id;
    PERFORM admin_log(t_id, by, 'settings', 'changed', concat_ws(', ',
        'after_call ' || tenant_settings.after_call,
        'ringing_is_busy ' || tenant_settings.ringing_is_busy,
        'lease_s ' || tenant_settings.lease_s));
    IF tenant_settings.ringing_is_busy IS NULL
        OR tenant_settings.ringing_is_busy = t.ringing_is_busy
    THEN
        RETURN;
    END IF;
    SELECT * INTO t FROM tenant x WHERE x.tenant_id = t_id;
    FOR u IN SELECT x.* FROM teams_user x WHERE x.tenant_id = t_id AND x.user_id IN
        (SELECT l.user_id FROM call_leg l WHERE l.tenant_id = t_id AND l.state = 1)
        ORDER BY x.user_id
    LOOP
        was := u.goal_no;
        u := user_goal(u, t, user_legs(u, t), 'silent', 'settings', at);
        CONTINUE WHEN u.goal_no = was;
        steps := steps || user_later(u, due_spread(at, cardinality(steps)));
    END LOOP;
    PERFORM steps_store(steps);
END $$;

-- The administrator came back from Microsoft's permission screen: asked of
-- Graph at once whether it is so. Granted stays granted until that answer.
CREATE OR REPLACE FUNCTION presence.consent_begin(t_id uuid, u_id uuid, name text)
RETURNS SETOF presence.job LANGUAGE plpgsql SECURITY DEFINER
SET search_path = presence, pg_temp AS $$
DECLARE
    t tenant := tenant_lock(t_id);
    at timestamptz := clock_timestamp();
BEGIN
    UPDATE tenant x SET consent = CASE x.consent WHEN 'granted' THEN x.consent ELSE 'pending' END,
        consent_problem = CASE x.consent WHEN 'granted' THEN x.consent_problem END,
        granted_at = at, granted_by = u_id, granted_by_name = left(consent_begin.name, 256),
        probe_attempts = 0
    WHERE x.tenant_id = t_id;
    IF t.consent NOT IN ('pending', 'granted') THEN
        INSERT INTO event (tenant_id, at, kind, type, outcome, user_id)
        VALUES (t_id, at, 'consent', 'consent', 'pending', u_id);
    END IF;
    RETURN QUERY SELECT * FROM consent_probe(t_id);
END $$;

-- A probe now; one that is under way was begun before and no longer counts.
--   rows  none when the tenant's budget or gate forbids it: then it is due
CREATE OR REPLACE FUNCTION presence.consent_probe(t_id uuid)
RETURNS SETOF presence.job LANGUAGE plpgsql SECURITY DEFINER
SET search_path = presence, pg_temp AS $$
DECLARE
    b tenant_budget;
    s step;
BEGIN
    PERFORM tenant_lock(t_id);
    SELECT * INTO b FROM tenant_budget x WHERE x.tenant_id = t_id;
    UPDATE tenant SET probe_until_at = NULL WHERE tenant_id = t_id;
    s := probe_claim(t_id, b, clock_timestamp());
    PERFORM steps_store(ARRAY[s]);
    IF (s.job).kind IS NOT NULL THEN
        RETURN NEXT s.job;
    END IF;
END $$;

-- For the operator: the first 10,000 tenants by name.
CREATE OR REPLACE FUNCTION presence.tenant_list()
RETURNS TABLE (tenant_id uuid, name text, consent text, consent_problem text,
    checked_at timestamptz, credential_problem text, people int, pbxs int)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = presence, pg_temp AS $$
SELECT t.tenant_id, t.name, t.consent, t.consent_problem, t.checked_at, t.credential_problem,
    (SELECT count(*)::int FROM teams_user u WHERE u.tenant_id = t.tenant_id),
    (SELECT count(*)::int FROM pbx p WHERE p.tenant_id = t.tenant_id)
FROM tenant t ORDER BY t.name, t.tenant_id LIMIT 10000
$$;

CREATE OR REPLACE FUNCTION presence.app_package_taken(t_id uuid)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = presence, pg_temp AS
$$UPDATE tenant SET app_package_at = now() WHERE tenant_id = t_id$$;
