-- Who waits for the tenant's budget or gate has a turn: a moment of their own,
-- so that thousands who wait do not all come, in vain, at the first one.

ALTER TABLE presence.tenant_budget
    ADD COLUMN turns int[];             -- given for each of the next 140 s; NULL: nobody waits
ALTER TABLE presence.due
    ADD COLUMN turn boolean NOT NULL DEFAULT false; -- `at` is this person's turn

-- Functions that the ones of this version replace under other names.
DROP FUNCTION IF EXISTS presence.due_at_most(uuid, uuid, timestamptz, boolean);
DROP FUNCTION IF EXISTS presence.user_store(presence.teams_user);
DROP FUNCTION IF EXISTS presence.user_job(presence.teams_user);
DROP FUNCTION IF EXISTS presence.user_goal(presence.teams_user, presence.tenant, text, text, timestamptz);
DROP FUNCTION IF EXISTS presence.user_due(presence.teams_user, presence.tenant, timestamptz, timestamptz);
DROP FUNCTION IF EXISTS presence.user_next(presence.teams_user, presence.tenant, boolean, timestamptz, boolean);
DROP FUNCTION IF EXISTS presence.probe_claim(presence.tenant, timestamptz);
