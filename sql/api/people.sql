-- The dashboard's lists: people, activity, health. All of them bounded.

-- What Teams shows of us for a person, and how they are linked.
CREATE OR REPLACE FUNCTION presence.person_rows(t_id uuid, one_id uuid, after text, q text, most int)
RETURNS TABLE (user_id uuid, name text, upn text, extensions jsonb, monitoring boolean,
    availability text, activity text, since timestamptz, until timestamptz, problem text,
    reason text, cursor text)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    pattern text := '%' || replace(replace(replace(q, '\', '\\'), '%', '\%'), '_', '\_') || '%';
    key text;
    key_id uuid;
BEGIN
    IF after ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' THEN
        SELECT lower(coalesce(u.name, u.upn, '')), u.user_id INTO key, key_id
        FROM teams_user u WHERE u.tenant_id = t_id AND u.user_id = after::uuid;
    END IF;
    RETURN QUERY
    WITH page AS MATERIALIZED (
        SELECT u.user_id, u.name, u.upn, lower(coalesce(u.name, u.upn, '')) AS sort
        FROM teams_user u WHERE u.tenant_id = t_id AND (one_id IS NULL OR u.user_id = one_id)
        AND (key IS NULL OR (lower(coalesce(u.name, u.upn, '')), u.user_id) > (key, key_id))
        AND (coalesce(q, '') = '' OR u.name ILIKE pattern OR u.upn ILIKE pattern
            OR EXISTS (SELECT FROM extension e WHERE e.tenant_id = t_id AND e.user_id = u.user_id
                AND e.extension ILIKE pattern))
        ORDER BY 4, 1 LIMIT greatest(1, least(most, 200)))
    SELECT p.user_id, p.name, p.upn,
        coalesce((SELECT jsonb_agg(jsonb_build_object('pbx_id', x.pbx_id, 'extension', x.extension)
                ORDER BY x.extension, x.pbx_id)
            FROM (SELECT e.pbx_id, e.extension FROM extension e
                WHERE e.tenant_id = t_id AND e.user_id = p.user_id
                ORDER BY e.extension, e.pbx_id LIMIT 50) x), '[]'),
        v.monitoring, v.availability, v.activity, v.since, v.until, v.problem, v.reason,
        p.user_id::text
    FROM page p CROSS JOIN LATERAL person_view(t_id, p.user_id) v
    ORDER BY p.sort, p.user_id;
END $$;

-- People by name.
--   after  the cursor of the last one that was shown; NULL: from the first
--   q      a part of the name, the user principal name or an extension
CREATE OR REPLACE FUNCTION presence.people_list(t_id uuid, after text, q text, most int)
RETURNS TABLE (user_id uuid, name text, upn text, extensions jsonb, monitoring boolean,
    availability text, activity text, since timestamptz, until timestamptz, problem text,
    reason text, cursor text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = presence, pg_temp AS
$$SELECT * FROM person_rows(t_id, NULL, after, q, most)$$;

-- One person; no row: not known here.
CREATE OR REPLACE FUNCTION presence.person_one(t_id uuid, u_id uuid)
RETURNS TABLE (user_id uuid, name text, upn text, extensions jsonb, monitoring boolean,
    availability text, activity text, since timestamptz, until timestamptz, problem text,
    reason text, cursor text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = presence, pg_temp AS
$$SELECT * FROM person_rows(t_id, u_id, NULL, NULL, 1)$$;

-- The log, newest first, older than before_id (NULL: from the newest).
CREATE OR REPLACE FUNCTION presence.activity_list(t_id uuid, before_id bigint, most int)
RETURNS TABLE (event_id bigint, at timestamptz, kind text, type text, outcome text, extension text,
    user_id uuid, name text, pbx_id uuid, latency_ms int, detail text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = presence, pg_temp AS $$
SELECT e.event_id, e.at, e.kind, e.type, e.outcome, e.extension, e.user_id,
    coalesce(u.name, u.upn), e.pbx_id, e.latency_ms, e.detail
FROM event e LEFT JOIN teams_user u ON u.tenant_id = e.tenant_id AND u.user_id = e.user_id
WHERE e.tenant_id = t_id AND (before_id IS NULL OR e.event_id < before_id)
ORDER BY e.event_id DESC LIMIT greatest(1, least(most, 200))
$$;

-- The last hour, or of it what the newest 20,000 lines of the log hold.
--   latency_*  ms from the change of a person's goal to Graph's confirmation
--   graph_*    ms of Graph's part
CREATE OR REPLACE FUNCTION presence.health_view(t_id uuid)
RETURNS TABLE (events bigint, errors bigint, latency_p50 int, latency_p95 int, latency_p99 int,
    graph_p50 int, graph_p95 int, graph_p99 int, error_list jsonb, since timestamptz,
    credential_problem text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = presence, pg_temp AS $$
WITH newest AS MATERIALIZED (
    SELECT * FROM (SELECT e.at, e.kind, e.outcome, e.latency_ms, e.graph_ms,
            e.outcome = 'error' OR (e.kind = 'publish' AND e.outcome <> 'published') AS bad
        FROM event e WHERE e.tenant_id = t_id ORDER BY e.event_id DESC LIMIT 20000) x
    WHERE x.at > now() - interval '1 hour'),
sums AS (
    SELECT count(*) FILTER (WHERE kind = 'event') AS n, count(*) FILTER (WHERE bad) AS bad,
        percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY latency_ms) AS l,
        percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY graph_ms) AS g,
        CASE WHEN count(*) < 20000 THEN now() - interval '1 hour' ELSE min(at) END AS since
    FROM newest)
SELECT s.n, s.bad, s.l[1], s.l[2], s.l[3], s.g[1], s.g[2], s.g[3],
    coalesce((SELECT jsonb_agg(jsonb_build_object('code', x.outcome, 'count', x.n,
            'last_at', to_char(x.last AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
            ORDER BY x.n DESC, x.outcome)
        FROM (SELECT outcome, count(*) AS n, max(at) AS last FROM newest WHERE bad
            GROUP BY outcome ORDER BY count(*) DESC, outcome LIMIT 20) x), '[]'),
    s.since, t.credential_problem
FROM tenant t CROSS JOIN sums s WHERE t.tenant_id = t_id
$$;

-- What an administrator did, for the log.
CREATE OR REPLACE FUNCTION presence.admin_log(t_id uuid, u_id uuid, type text, outcome text,
    detail text)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = presence, pg_temp AS $$
INSERT INTO event (tenant_id, at, kind, type, outcome, user_id, detail)
SELECT t_id, clock_timestamp(), 'admin', $3, $4, u_id, left($5, 300)
WHERE EXISTS (SELECT FROM tenant t WHERE t.tenant_id = t_id)
$$;
