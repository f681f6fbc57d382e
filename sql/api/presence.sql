-- What Teams should show, who may tell it, and when to look again.
-- Inner functions: nobody outside may call them, and each expects that the
-- caller holds the tenant's lock. What the rooms run for each event is plpgsql,
-- whose plans are kept, or an SQL expression that is inlined (STABLE where it adds
-- to a time); other SQL functions are planned at every call.

-- The level of these functions; a program that knows another one does not start.
CREATE OR REPLACE FUNCTION presence.schema_level() RETURNS int
LANGUAGE sql IMMUTABLE AS 'SELECT 2';

-- Times as the answers carry them.
CREATE OR REPLACE FUNCTION presence.rfc3339(at timestamptz)
RETURNS text LANGUAGE sql STABLE AS
$$SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')$$;

-- Is `until` still ahead? One that lies further ahead than it can have been
-- set is left over from before the clock stepped back, and does not count.
-- A step of up to 30 s makes nothing void: a call may be under way (larger
-- ones: clock_jumped).
CREATE OR REPLACE FUNCTION presence.is_ahead(until timestamptz, at timestamptz, most interval)
RETURNS boolean LANGUAGE sql STABLE AS $$
SELECT coalesce(until > at AND until <= at + most + interval '30 s', false)
$$;

-- R6: is the first assertion newer than the second? Times less than 2 s apart
-- are not comparable; then the PBX's own clock decides, else the later arrival.
CREATE OR REPLACE FUNCTION presence.is_newer(a timestamptz, a_event timestamptz,
    b timestamptz, b_event timestamptz, at timestamptz)
RETURNS boolean LANGUAGE sql STABLE AS $$
SELECT CASE
        WHEN b IS NULL THEN true
        WHEN a - least(b, at) >= interval '2 s' THEN true
        WHEN a - least(b, at) <= interval '-2 s' THEN false
        WHEN a_event <> b_event THEN a_event > b_event
        ELSE true END
$$;

-- Many of one tenant are due at once: spread, so that other tenants' people
-- come in between.
CREATE OR REPLACE FUNCTION presence.due_spread(at timestamptz, nr bigint)
RETURNS timestamptz LANGUAGE sql IMMUTABLE AS
$$SELECT at + (nr / 75) * interval '0.25 s'$$;

-- A person's open legs, in one look.
DO $$ BEGIN
    CREATE TYPE presence.legs AS (
        busy     boolean,       -- one of them makes busy
        stale_at timestamptz);  -- when the first one was silent for too long
EXCEPTION WHEN duplicate_object THEN NULL;
END $$;

CREATE OR REPLACE FUNCTION presence.user_legs(u presence.teams_user, t presence.tenant)
RETURNS presence.legs LANGUAGE plpgsql STABLE AS $$
DECLARE
    l legs := (false, NULL);
    x record;
BEGIN
    FOR x IN SELECT c.state, c.news_at, p.max_call_s FROM call_leg c
        JOIN pbx p ON p.tenant_id = c.tenant_id AND p.pbx_id = c.pbx_id
        WHERE c.tenant_id = u.tenant_id AND c.user_id = u.user_id
    LOOP
        l.busy := l.busy OR x.state > 1 OR t.ringing_is_busy;
        l.stale_at := least(l.stale_at,
            x.news_at + make_interval(secs => CASE x.state WHEN 1 THEN 180 ELSE x.max_call_s END));
    END LOOP;
    RETURN l;
END $$;

-- R2, R3, R7: the goal that follows from the open legs.
--   how  news    a call ended, as the PBX said
--        silent  a leg ended without news (stale, un-linked)
--        clear   whatever of ours shows must go (clear now, monitoring off)
CREATE OR REPLACE FUNCTION presence.user_goal(u presence.teams_user, t presence.tenant,
    l presence.legs, how text, why text, at timestamptz)
RETURNS presence.teams_user LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    goal text;
BEGIN
    u.stale_at := l.stale_at;
    IF u.monitoring AND l.busy THEN
        goal := 'busy';
        why := 'call';
    ELSIF how = 'clear' THEN
        goal := CASE WHEN u.told_until_at > at THEN 'clear' ELSE 'none' END;
    ELSIF u.goal = 'busy' THEN
        goal := CASE
            WHEN u.busy_until_at IS NULL OR u.busy_until_at <= at THEN
                CASE WHEN u.owed_no IS NOT NULL AND u.told_until_at > at THEN 'clear' ELSE 'none' END
            WHEN how = 'silent' OR t.after_call = 'clear' THEN 'clear'
            ELSE 'available' END;
    ELSE
        goal := u.goal;
    END IF;
    IF goal = 'none' AND u.published = 'busy' THEN
        u.published := 'none';      -- that Busy has run out: it is over
        u.certain := true;
    END IF;
    IF goal <> u.goal THEN
        IF u.goal = 'clear' AND (u.published <> 'clear' OR NOT u.certain) THEN
            u.owed_no := u.goal_no;     -- a call came before Teams was told
        END IF;
        u.goal := goal;
        u.goal_no := u.goal_no + 1;
        u.goal_at := at;
        u.reason := why;
        u.retry_at := NULL;
    END IF;
    RETURN u;
END $$;

-- Has Teams still to be told?
CREATE OR REPLACE FUNCTION presence.user_must_tell(u presence.teams_user)
RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
SELECT u.goal <> 'none' AND (u.goal <> u.published OR NOT u.certain)
        AND u.failed_no IS DISTINCT FROM u.goal_no
$$;

-- R8: a Busy is told again at two thirds of its lease.
CREATE OR REPLACE FUNCTION presence.user_renew_at(u presence.teams_user)
RETURNS timestamptz LANGUAGE sql STABLE AS $$
SELECT CASE WHEN u.goal = 'busy' AND u.published = 'busy' AND u.certain
            AND u.failed_no IS DISTINCT FROM u.goal_no
        THEN u.published_at + (u.published_until_at - u.published_at) * 2 / 3 END
$$;

-- Microsoft refuses this one person (403, 404) while they are on the phone: asked
-- once more when a lease would be renewed, so that who was mended there is shown
-- within a lease. Other goals run out by themselves.
CREATE OR REPLACE FUNCTION presence.user_again_at(u presence.teams_user, t presence.tenant)
RETURNS timestamptz LANGUAGE sql STABLE AS $$
SELECT CASE WHEN u.goal = 'busy' AND u.failed_no = u.goal_no
            AND u.problem IN ('forbidden', 'user_not_found')
        THEN u.claim_at + make_interval(secs => t.lease_s * 2 / 3) END
$$;

-- R13: the slots hold the requests of the last 35 s: 30 s of Microsoft's
-- window and the 4 s that may pass between a claim and its sending.
CREATE OR REPLACE FUNCTION presence.budget_roll(b presence.tenant_budget, at timestamptz)
RETURNS presence.tenant_budget LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    s bigint := floor(extract(epoch FROM at));
BEGIN
    IF s = b.newest_s THEN
        RETURN b;
    ELSIF s < b.newest_s THEN       -- the clock stepped back: all of it counts as now
        b.slots := array_fill(0, ARRAY[34]) || (SELECT sum(n)::int FROM unnest(b.slots) n);
    ELSIF s - b.newest_s >= 35 THEN
        b.slots := array_fill(0, ARRAY[35]);
    ELSE
        b.slots := b.slots[(s - b.newest_s + 1)::int : 35]
            || array_fill(0, ARRAY[(s - b.newest_s)::int]);
    END IF;
    IF b.turns IS NOT NULL THEN
        b.turns := CASE WHEN s - b.newest_s BETWEEN 1 AND 139 THEN
            b.turns[(s - b.newest_s + 1)::int : 140]
            || array_fill(0, ARRAY[(s - b.newest_s)::int]) END;
        IF 0 = ALL (b.turns) THEN
            b.turns := NULL;
        END IF;
    END IF;
    b.newest_s := s;
    RETURN b;
END $$;

-- NULL: one may go now; otherwise when to ask again.
CREATE OR REPLACE FUNCTION presence.budget_wait(b presence.tenant_budget, at timestamptz)
RETURNS timestamptz LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    n int := 0;
    slot int;
BEGIN
    IF presence.is_ahead(b.gate_until_at, at, '1 hour') THEN
        RETURN b.gate_until_at;
    END IF;
    FOREACH slot IN ARRAY array_remove(b.slots, 0) LOOP
        n := n + slot;
    END LOOP;
    IF n < 1450 THEN
        RETURN NULL;
    END IF;
    FOR i IN 1 .. 35 LOOP   -- the oldest slot that holds any leaves first
        IF b.slots[i] > 0 THEN
            RETURN to_timestamp(b.newest_s + i);
        END IF;
    END LOOP;
    RETURN at;
END $$;

-- A turn for one more who waits: the first second in which the budget has room
-- for everybody who came before, at most 300 a second. A clear does not ask for
-- room: it goes before the others. Where so many wait that the end cannot be
-- seen, it is a moment to ask again.
--   wait_until  from budget_wait
CREATE OR REPLACE FUNCTION presence.budget_turn(INOUT b presence.tenant_budget,
    wait_until timestamptz, clear boolean, OUT at timestamptz)
LANGUAGE plpgsql AS $$
DECLARE
    from_s bigint := coalesce(ceil(extract(epoch FROM wait_until)), 0);
    room int;
    before int := 0;
BEGIN
    b.turns := coalesce(b.turns, array_fill(0, ARRAY[140]));
    SELECT 1450 - sum(n) INTO room FROM unnest(b.slots) n;
    FOR i IN 1 .. 140 LOOP
        -- What was sent leaves the window; who has a turn leaves it 35 s after it.
        room := room + CASE WHEN i <= 35 THEN b.slots[i] ELSE b.turns[i - 35] END;
        before := before + b.turns[i];
        IF b.newest_s + i >= from_s AND room > 0
            AND b.turns[i] < (CASE WHEN clear THEN 600 ELSE 300 END) AND (clear OR before < room)
        THEN
            at := CASE WHEN NOT clear THEN
                    due_spread(to_timestamp(b.newest_s + i), least(b.turns[i], 299))
                -- At the very moment, not with those who have a turn in its second.
                WHEN i = 1 OR b.newest_s + i = from_s THEN wait_until
                ELSE to_timestamp(b.newest_s + i) END;
            b.turns[i] := b.turns[i] + 1;
            RETURN;
        END IF;
    END LOOP;
    at := to_timestamp(greatest(b.newest_s + 140, from_s) + random() * 30);
END $$;

-- When has this person to be looked at again? NULL: nothing is due.
CREATE OR REPLACE FUNCTION presence.user_due(u presence.teams_user, t presence.tenant,
    wait_until timestamptz, at timestamptz)
RETURNS timestamptz LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    next timestamptz;
BEGIN
    IF is_ahead(u.claim_until_at, at, '20 s') THEN
        next := u.claim_until_at;
    ELSIF user_must_tell(u) THEN
        IF t.consent = 'granted' THEN
            next := greatest(at, u.retry_at, wait_until);
        END IF;
        next := least(next, CASE u.goal WHEN 'available' THEN u.busy_until_at
                                        WHEN 'clear' THEN u.told_until_at END);
    ELSIF t.consent = 'granted' THEN
        next := coalesce(user_renew_at(u), user_again_at(u, t));
        IF next IS NOT NULL THEN
            next := greatest(next, u.retry_at, wait_until);
        END IF;
    END IF;
    IF t.consent = 'granted' AND u.resend_at IS NOT NULL
        AND NOT is_ahead(u.claim_until_at, at, '20 s')
    THEN
        next := least(next, greatest(at, u.resend_at, u.retry_at, wait_until));
    END IF;
    RETURN least(u.stale_at, next);
END $$;

-- R10: one publisher at a time. Takes the claim and one request of the budget.
-- The caller has asked budget_wait and is_ahead(claim_until_at).
CREATE OR REPLACE FUNCTION presence.user_claim(u presence.teams_user, t presence.tenant,
    at timestamptz)
RETURNS presence.teams_user LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF u.claim_until_at IS NOT NULL THEN
        u.late := true;     -- its publisher died: that call may still land
    END IF;
    u.claim_no := u.claim_no + 1;
    u.claim_at := at;
    u.claim_until_at := at + interval '20 s';
    u.claim_goal := u.goal;
    u.claim_goal_no := u.goal_no;
    u.claim_s := CASE u.goal WHEN 'busy' THEN t.lease_s WHEN 'available' THEN 300 END;
    u.claim_certain := u.certain;
    u.claim_busy_until_at := u.busy_until_at;
    u.claim_told_until_at := u.told_until_at;
    u.certain := false;
    IF u.resend_at <= at THEN
        u.resend_at := NULL;    -- this is it
    END IF;
    IF u.goal = 'busy' THEN
        u.busy_until_at := greatest(u.busy_until_at, at + make_interval(secs => t.lease_s));
        u.told_until_at := greatest(u.told_until_at, u.busy_until_at);
    ELSIF u.goal = 'available' THEN
        u.told_until_at := greatest(u.told_until_at, at + interval '300 s');
    END IF;
    RETURN u;
END $$;

-- One call of Graph to make, as the publish room gets it.
DO $$ BEGIN
    CREATE TYPE presence.job AS (
        kind      text,      -- publish, again (the last call was denied), probe
        tenant_id uuid,
        user_id   uuid,      -- probe: whom to ask about
        claim_no  bigint,
        goal      text,      -- busy, available, clear; probe: NULL
        goal_no   bigint,
        expires_s int);      -- busy, available: how long Teams keeps it
EXCEPTION WHEN duplicate_object THEN NULL;
END $$;

-- An Available or a clear is still to be told, and the lease has run out, or nothing
-- was ever told: Teams shows nothing of ours, so there is nothing left to end.
CREATE OR REPLACE FUNCTION presence.user_lapse(u presence.teams_user, at timestamptz)
RETURNS presence.teams_user LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF user_must_tell(u) AND NOT is_ahead(u.claim_until_at, at, '20 s')
        AND ((u.goal = 'available' AND coalesce(u.busy_until_at, at) <= at)
            OR (u.goal = 'clear' AND coalesce(u.told_until_at, at) <= at))
    THEN
        u.goal := 'none';
        u.goal_no := u.goal_no + 1;
        u.goal_at := at;
        u.published := 'none';
        u.certain := true;
        u.claim_until_at := NULL;
    END IF;
    RETURN u;
END $$;

-- What was decided for one person, to be stored with the others of a batch.
DO $$ BEGIN
    CREATE TYPE presence.step AS (
        u      presence.teams_user,
        b      presence.tenant_budget,
        changed boolean,        -- u is to be stored
        due_at timestamptz,     -- when to look again
        exact  boolean,         -- not before; else what is due can only come nearer
        turn   boolean,         -- that is this person's turn
        job    presence.job);   -- the call that the caller now owns
EXCEPTION WHEN duplicate_object THEN NULL;
END $$;

-- Takes a claim if Teams must be told, and may be right now. The one way to a job.
--   b     the tenant's budget, locked; the next step of this tenant gets the step's
--   must  tell it also what it was told already
CREATE OR REPLACE FUNCTION presence.user_step(u presence.teams_user, b presence.tenant_budget,
    t presence.tenant, must boolean, at timestamptz)
RETURNS presence.step LANGUAGE plpgsql AS $$
DECLARE
    s step;
    wait_until timestamptz;
    turn record;
BEGIN
    IF u.goal IN ('available', 'clear') THEN
        u := user_lapse(u, at);
    END IF;
    must := (must OR user_must_tell(u)) AND t.consent = 'granted'
        AND NOT is_ahead(u.claim_until_at, at, '20 s')
        AND NOT is_ahead(u.retry_at, at, '1 hour');
    IF must THEN
        b := budget_roll(b, at);
        wait_until := budget_wait(b, at);
        IF wait_until IS NOT NULL OR (b.turns IS NOT NULL AND u.goal <> 'clear') THEN
            SELECT d.at INTO turn FROM due d
            WHERE d.tenant_id = u.tenant_id AND d.user_id = u.user_id
            AND d.turn AND (d.first OR u.goal <> 'clear');
            IF turn.at > at THEN
                wait_until := turn.at;
            ELSIF wait_until IS NOT NULL OR turn.at IS NULL THEN
                turn := budget_turn(b, wait_until, u.goal = 'clear');
                b := turn.b;
                wait_until := turn.at;
            END IF;
        END IF;
        IF wait_until IS NULL THEN
            b.slots[35] := b.slots[35] + 1;
            u := user_claim(u, t, at);
            s.job := (CASE u.denied WHEN 1 THEN 'again' ELSE 'publish' END, u.tenant_id, u.user_id, u.claim_no, u.goal, u.goal_no, u.claim_s);
        END IF;
    END IF;
    s.u := u;
    s.b := b;
    s.changed := true;
    s.exact := false;
    s.due_at := user_due(u, t, wait_until, at);
    s.turn := wait_until IS NOT NULL;
    RETURN s;
END $$;

-- The same where the time is not now: everybody of a crowd but the first.
CREATE OR REPLACE FUNCTION presence.user_later(u presence.teams_user, at timestamptz)
RETURNS presence.step LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN (u, NULL, true, at, false, false, NULL)::step;
END $$;

-- Stores what was decided, each person at most once; all tables in one order.
CREATE OR REPLACE FUNCTION presence.steps_store(steps presence.step[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE tenant_budget x SET gate_until_at = (s.b).gate_until_at, newest_s = (s.b).newest_s,
        slots = (s.b).slots, turns = (s.b).turns
    FROM (SELECT DISTINCT ON ((o.b).tenant_id) o.b FROM unnest(steps) WITH ORDINALITY
            AS o(u, b, changed, due_at, exact, turn, job, nr)
        WHERE (o.b).tenant_id IS NOT NULL ORDER BY (o.b).tenant_id, o.nr DESC) s
    WHERE x.tenant_id = (s.b).tenant_id AND x.* IS DISTINCT FROM s.b;

    UPDATE teams_user x SET
        monitoring = n.monitoring, monitoring_at = n.monitoring_at,
        goal = n.goal, goal_no = n.goal_no, goal_at = n.goal_at, reason = n.reason,
        published = n.published, published_no = n.published_no,
        published_at = n.published_at, published_until_at = n.published_until_at,
        certain = n.certain,
        busy_until_at = n.busy_until_at, told_until_at = n.told_until_at,
        claim_no = n.claim_no, claim_at = n.claim_at,
        claim_until_at = n.claim_until_at,
        claim_goal = n.claim_goal, claim_goal_no = n.claim_goal_no,
        claim_s = n.claim_s, claim_certain = n.claim_certain,
        claim_busy_until_at = n.claim_busy_until_at,
        claim_told_until_at = n.claim_told_until_at,
        attempts = n.attempts, denied = n.denied, retry_at = n.retry_at,
        failed_no = n.failed_no, late = n.late, resend_at = n.resend_at,
        problem = n.problem, owed_no = n.owed_no, stale_at = n.stale_at
    FROM unnest(ARRAY(SELECT s.u FROM unnest(steps) s WHERE s.changed)) n
    WHERE x.tenant_id = n.tenant_id AND x.user_id = n.user_id;

    -- Row by row from the key: a join that is planned while `due` is empty would
    -- read all of it for each step.
    DELETE FROM due WHERE ctid = ANY (ARRAY(
        SELECT d.ctid FROM unnest(steps) s CROSS JOIN LATERAL (SELECT x.ctid FROM due x
            WHERE x.tenant_id = (s.u).tenant_id AND x.user_id = (s.u).user_id OFFSET 0) d
        WHERE s.exact));
    INSERT INTO due AS d (tenant_id, user_id, at, first, turn)
    SELECT (s.u).tenant_id, (s.u).user_id, s.due_at,
        (s.u).goal = 'clear' AND user_must_tell(s.u), s.turn
    FROM unnest(steps) s WHERE s.due_at IS NOT NULL
    ON CONFLICT (tenant_id, user_id) DO UPDATE SET at = EXCLUDED.at, turn = EXCLUDED.turn,
        first = EXCLUDED.first OR d.first
    WHERE d.at > EXCLUDED.at OR (EXCLUDED.first AND NOT d.first);
END $$;

-- What a goal looks like, in Graph's two words.
CREATE OR REPLACE FUNCTION presence.goal_availability(goal text)
RETURNS text LANGUAGE sql IMMUTABLE AS
$$SELECT CASE goal WHEN 'busy' THEN 'Busy' WHEN 'available' THEN 'Available' END$$;
CREATE OR REPLACE FUNCTION presence.goal_activity(goal text)
RETURNS text LANGUAGE sql IMMUTABLE AS
$$SELECT CASE goal WHEN 'busy' THEN 'InACall' WHEN 'available' THEN 'Available' END$$;

-- The goal as an answer names it: an Available that has run out is none.
CREATE OR REPLACE FUNCTION presence.goal_shown(u presence.teams_user, at timestamptz)
RETURNS text LANGUAGE sql IMMUTABLE AS $$
SELECT CASE WHEN u.goal = 'available' AND u.published = 'available' AND u.certain
            AND u.published_until_at <= at THEN 'none'
        WHEN u.goal = 'clear' THEN 'none' ELSE u.goal END
$$;
