-- What a person's row remembers besides, and what every event paid for.

ALTER TABLE presence.teams_user
    ADD COLUMN owed_no bigint,          -- a clear under this number that Teams could not be
                                        -- told before the next call came; NULL: none is owed
    ADD COLUMN stale_at timestamptz;    -- when the first open leg was silent for too long

-- Looked up at the next look.
UPDATE presence.teams_user u SET stale_at = now() FROM presence.call_leg l
WHERE l.tenant_id = u.tenant_id AND l.user_id = u.user_id;

-- PostgreSQL reads a check anew for each statement; only leg_* write this table.
ALTER TABLE presence.call_leg
    DROP CONSTRAINT IF EXISTS call_leg_kind_check,
    DROP CONSTRAINT IF EXISTS call_leg_state_check;

DROP FUNCTION IF EXISTS presence.user_due(presence.teams_user, presence.tenant, presence.legs,
    timestamptz, timestamptz);
DROP FUNCTION IF EXISTS presence.user_step(presence.teams_user, presence.tenant_budget,
    presence.tenant, presence.legs, boolean, timestamptz);
DROP FUNCTION IF EXISTS presence.tenants_lock(uuid[]);
