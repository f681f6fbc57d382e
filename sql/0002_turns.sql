-- Who waits for the tenant's budget or gate has a turn: a moment of their own,
-- so that thousands who wait do not all come, in vain, at the first one.

ALTER TABLE presence.tenant_budget
    ADD COLUMN turns int[];             -- given for each of the next 140 s; NULL: nobody waits
ALTER TABLE presence.due
    ADD COLUMN turn boolean NOT NULL DEFAULT false; -- `at` is this person's turn
