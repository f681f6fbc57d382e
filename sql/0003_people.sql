-- What a person's row remembers besides, and what every event paid for.

ALTER TABLE presence.teams_user
    ADD COLUMN owed_no bigint,          -- a clear under this number that Teams could not be
                                        -- told before the next call came; NULL: none is owed
    ADD COLUMN stale_at timestamptz;    -- when the first open leg was silent for too long

-- Looked up at the next look.
UPDATE presence.teams_user u SET stale_at = now() FROM presence.call_leg l
WHERE l.tenant_id = u.tenant_id AND l.user_id = u.user_id;

-- PostgreSQL prepares a check anew for each statement; these tables have no writer
-- but the functions in api/.
ALTER TABLE presence.teams_user
    DROP CONSTRAINT IF EXISTS teams_user_goal_check,
    DROP CONSTRAINT IF EXISTS teams_user_published_check,
    DROP CONSTRAINT IF EXISTS teams_user_claim_goal_check;
ALTER TABLE presence.call_leg
    DROP CONSTRAINT IF EXISTS call_leg_kind_check,
    DROP CONSTRAINT IF EXISTS call_leg_state_check;
ALTER TABLE presence.event
    DROP CONSTRAINT IF EXISTS event_kind_check;

-- Each moment that became due was looked up, and its person's row locked once more.
ALTER TABLE presence.due DROP CONSTRAINT IF EXISTS due_tenant_id_user_id_fkey;
CREATE FUNCTION presence.people_gone() RETURNS trigger LANGUAGE plpgsql
SET search_path = presence, pg_temp AS $$
BEGIN
    DELETE FROM due d USING gone g WHERE d.tenant_id = g.tenant_id AND d.user_id = g.user_id;
    RETURN NULL;
END $$;
CREATE TRIGGER people_gone AFTER DELETE ON presence.teams_user
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION presence.people_gone();

DROP FUNCTION IF EXISTS presence.user_due(presence.teams_user, presence.tenant, presence.legs,
    timestamptz, timestamptz);
DROP FUNCTION IF EXISTS presence.user_step(presence.teams_user, presence.tenant_budget,
    presence.tenant, presence.legs, boolean, timestamptz);
DROP FUNCTION IF EXISTS presence.tenants_lock(uuid[]);
DROP FUNCTION IF EXISTS presence.tenants_lock_free(uuid[]);
DROP FUNCTION IF EXISTS presence.apply(jsonb);
DROP FUNCTION IF EXISTS presence.record(jsonb);
DROP FUNCTION IF EXISTS presence.apply_restart(uuid, uuid, bigint, bigint, text);
