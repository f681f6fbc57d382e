-- What Teams should show, who may tell it, and when to look again.
-- Inner functions: nobody outside may call them, and each expects that the
-- caller holds the tenant's lock (its tenant_budget row). What the rooms run for
-- each event is plpgsql, whose plans are kept: an SQL function that cannot be
-- inlined is planned anew at every call.

-- The level of these functions; a program that knows another one does not start.
CREATE OR REPLACE FUNCTION presence.schema_level() RETURNS int
LANGUAGE sql IMMUTABLE AS 'SELECT 1';

-- Times as the answers carry them.
CREATE OR REPLACE FUNCTION presence.rfc3339(at timestamptz)
RETURNS text LANGUAGE sql STABLE AS
$$SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')$$;

-- Is `until` still ahead? One that lies further ahead than it can have been
-- set is left over from before the clock stepped back, and does not count.
-- A step of up to 30 s makes nothing void: a call may be under way (larger
-- ones: clock_jumped).
CREATE OR REPLACE FUNCTION presence.is_ahead(until timestamptz, at timestamptz, most interval)
RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN coalesce(until > at AND until <= at + most + interval '30 s', false);
END $$;

-- R6: is the first assertion newer than the second? Times less than 2 s apart
-- are not comparable; then the PBX's own clock decides, else the later arrival.
CREATE OR REPLACE FUNCTION presence.is_newer(a timestamptz, a_event timestamptz,
    b timestamptz, b_event timestamptz, at timestamptz)
RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN CASE
        WHEN b IS NULL THEN true
        WHEN abs(extract(epoch FROM a - least(b, at))) >= 2 THEN a > least(b, at)
        WHEN a_event <> b_event THEN a_event > b_event
        ELSE true END;
END $$;

CREATE OR REPLACE FUNCTION presence.due_at_most(t uuid, u uuid, at timestamptz, first boolean,
    turn boolean DEFAULT false)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO due AS d (tenant_id, user_id, at, first, turn) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (tenant_id, user_id)
    DO UPDATE SET at = EXCLUDED.at, first = EXCLUDED.first OR d.first, turn = EXCLUDED.turn
    WHERE d.at > EXCLUDED.at OR (EXCLUDED.first AND NOT d.first);
END $$;

-- Many of one tenant are due at once: spread, so that other tenants' people
-- come in between.
CREATE OR REPLACE FUNCTION presence.due_spread(at timestamptz, nr bigint)
RETURNS timestamptz LANGUAGE sql IMMUTABLE AS
$$SELECT at + (nr / 75) * interval '0.25 s'$$;

-- R2, R3, R7: the goal that follows from the open legs.
--   how  news    a call ended, as the PBX said
--        silent  a leg ended without news (stale, un-linked)
--        clear   whatever of ours shows must go (clear now, monitoring off)
CREATE OR REPLACE FUNCTION presence.user_goal(u presence.teams_user, t presence.tenant,
    how text, why text, at timestamptz)
RETURNS presence.teams_user LANGUAGE plpgsql AS $$
DECLARE
    goal text;
BEGIN
    IF u.monitoring AND EXISTS (
        SELECT FROM call_leg l WHERE l.tenant_id = u.tenant_id AND l.user_id = u.user_id
        AND (l.state > 1 OR t.ringing_is_busy))
    THEN
        goal := 'busy';
        why := 'call';
    ELSIF how = 'clear' THEN
        goal := CASE WHEN u.told_until_at > at THEN 'clear' ELSE 'none' END;
    ELSIF u.goal = 'busy' THEN
        goal := CASE
            WHEN u.busy_until_at IS NULL OR u.busy_until_at <= at THEN 'none'
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
RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN u.goal <> 'none' AND (u.goal <> u.published OR NOT u.certain)
        AND u.failed_no IS DISTINCT FROM u.goal_no;
END $$;

-- R8: a Busy is told again at two thirds of its lease.
CREATE OR REPLACE FUNCTION presence.user_renew_at(u presence.teams_user)
RETURNS timestamptz LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN CASE WHEN u.goal = 'busy' AND u.published = 'busy' AND u.certain
            AND u.failed_no IS DISTINCT FROM u.goal_no
        THEN u.published_at + (u.published_until_at - u.published_at) * 2 / 3 END;
END $$;

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
BEGIN
    IF presence.is_ahead(b.gate_until_at, at, '1 hour') THEN
        RETURN b.gate_until_at;
    END IF;
    SELECT sum(x) INTO n FROM unnest(b.slots) x;
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
            at := due_spread(to_timestamp(b.newest_s + i), least(b.turns[i], 299));
            b.turns[i] := b.turns[i] + 1;
            RETURN;
        END IF;
    END LOOP;
    at := to_timestamp(greatest(b.newest_s + 140, from_s) + random() * 30);
END $$;

-- When has this person to be looked at again? NULL: nothing is due.
CREATE OR REPLACE FUNCTION presence.user_due(u presence.teams_user, t presence.tenant,
    wait_until timestamptz, at timestamptz)
RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
DECLARE
    legs timestamptz;
    next timestamptz;
BEGIN
    SELECT min(l.news_at + CASE WHEN l.state = 1 THEN interval '180 s'
        ELSE make_interval(secs => (SELECT p.max_call_s FROM pbx p
            WHERE p.tenant_id = l.tenant_id AND p.pbx_id = l.pbx_id)) END)
    INTO legs
    FROM call_leg l WHERE l.tenant_id = u.tenant_id AND l.user_id = u.user_id;

    IF is_ahead(u.claim_until_at, at, '20 s') THEN
        next := u.claim_until_at;
    ELSIF user_must_tell(u) THEN
        IF t.consent = 'granted' THEN
            next := greatest(at, u.retry_at, wait_until);
        END IF;
        next := least(next, CASE u.goal WHEN 'available' THEN u.busy_until_at
                                        WHEN 'clear' THEN u.told_until_at END);
    ELSIF t.consent = 'granted' THEN
        next := greatest(user_renew_at(u), u.retry_at, wait_until);
        IF user_renew_at(u) IS NULL THEN
            next := NULL;
        END IF;
    END IF;
    IF t.consent = 'granted' AND u.resend_at IS NOT NULL
        AND NOT is_ahead(u.claim_until_at, at, '20 s')
    THEN
        next := least(next, greatest(at, u.resend_at, u.retry_at, wait_until));
    END IF;
    RETURN least(legs, next);
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

-- The whole row back into the table; the key and what people enter excepted.
CREATE OR REPLACE FUNCTION presence.user_store(u presence.teams_user)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE teams_user x SET
        monitoring = u.monitoring, monitoring_at = u.monitoring_at,
        goal = u.goal, goal_no = u.goal_no, goal_at = u.goal_at, reason = u.reason,
        published = u.published, published_no = u.published_no, published_at = u.published_at,
        published_until_at = u.published_until_at, certain = u.certain,
        busy_until_at = u.busy_until_at, told_until_at = u.told_until_at,
        claim_no = u.claim_no, claim_at = u.claim_at, claim_until_at = u.claim_until_at,
        claim_goal = u.claim_goal, claim_goal_no = u.claim_goal_no, claim_s = u.claim_s,
        claim_certain = u.claim_certain,
        claim_busy_until_at = u.claim_busy_until_at, claim_told_until_at = u.claim_told_until_at,
        attempts = u.attempts, denied = u.denied, retry_at = u.retry_at, failed_no = u.failed_no,
        late = u.late, resend_at = u.resend_at, problem = u.problem
    WHERE x.tenant_id = u.tenant_id AND x.user_id = u.user_id;
END $$;

-- One call of Graph to make, as the publish room gets it.
DO $$ BEGIN
    CREATE TYPE presence.job AS (
        kind      text,      -- publish, probe
        tenant_id uuid,
        user_id   uuid,      -- probe: whom to ask about
        claim_no  bigint,
        goal      text,      -- busy, available, clear; probe: NULL
        goal_no   bigint,
        expires_s int);      -- busy, available: how long Teams keeps it
EXCEPTION WHEN duplicate_object THEN NULL;
END $$;

CREATE OR REPLACE FUNCTION presence.user_job(u presence.teams_user)
RETURNS presence.job LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN ('publish', u.tenant_id, u.user_id, u.claim_no, u.goal, u.goal_no,
        u.claim_s)::presence.job;
END $$;

-- The lease has run out, or nothing was ever told: Teams shows nothing of
-- ours, so there is nothing left to end.
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

-- Takes a claim if Teams must be told, and may be right now; stores the row
-- and its next due time either way. NULL: no claim. b is the tenant's locked
-- budget row; it is stored here. The one way to a job.
CREATE OR REPLACE FUNCTION presence.user_next(u presence.teams_user, t presence.tenant,
    must boolean, at timestamptz, exact boolean)
RETURNS presence.job LANGUAGE plpgsql AS $$
DECLARE
    b tenant_budget;
    wait_until timestamptz;
    turn record;
    next timestamptz;
    j job;
BEGIN
    u := user_lapse(u, at);
    must := (must OR user_must_tell(u)) AND t.consent = 'granted'
        AND NOT is_ahead(u.claim_until_at, at, '20 s')
        AND NOT is_ahead(u.retry_at, at, '1 hour');
    IF must THEN
        SELECT * INTO b FROM tenant_budget WHERE tenant_id = u.tenant_id;
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
        b.slots[35] := b.slots[35] + (wait_until IS NULL)::int;
        UPDATE tenant_budget SET newest_s = b.newest_s, slots = b.slots, turns = b.turns
        WHERE tenant_id = b.tenant_id;
        IF wait_until IS NULL THEN
            u := user_claim(u, t, at);
            j := user_job(u);
        END IF;
    END IF;
    PERFORM user_store(u);
    next := user_due(u, t, wait_until, at);
    IF exact AND next IS NULL THEN
        DELETE FROM due WHERE tenant_id = u.tenant_id AND user_id = u.user_id;
    ELSIF exact THEN
        INSERT INTO due VALUES (u.tenant_id, u.user_id, next, u.goal = 'clear' AND user_must_tell(u),
            wait_until IS NOT NULL)
        ON CONFLICT (tenant_id, user_id)
        DO UPDATE SET at = EXCLUDED.at, first = EXCLUDED.first, turn = EXCLUDED.turn;
    ELSIF next IS NOT NULL THEN
        PERFORM due_at_most(u.tenant_id, u.user_id, next, u.goal = 'clear' AND user_must_tell(u),
            wait_until IS NOT NULL);
    END IF;
    RETURN j;
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
RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN CASE WHEN u.goal = 'available' AND u.published = 'available' AND u.certain
            AND u.published_until_at <= at THEN 'none'
        WHEN u.goal = 'clear' THEN 'none' ELSE u.goal END;
END $$;
