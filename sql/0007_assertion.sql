-- PostgreSQL prepares a check anew for each statement, and every event of a handset
-- writes here; no writer but the functions in api/.
ALTER TABLE presence.assertion DROP CONSTRAINT IF EXISTS assertion_kind_check;

DROP FUNCTION IF EXISTS presence.probe_claim(presence.tenant, presence.tenant_budget, timestamptz);
