-- Requests of a PBX that an administrator had recorded: redacted before they come
-- here. The key redacts one recording's numbers; it goes when the recording ends.

ALTER TABLE presence.pbx
    ADD COLUMN capture_left int NOT NULL DEFAULT 0,    -- requests still to be recorded
    ADD COLUMN capture_until_at timestamptz,           -- NULL: nothing is recorded
    ADD COLUMN capture_key text;
CREATE INDEX pbx_capture ON presence.pbx (capture_until_at) WHERE capture_until_at IS NOT NULL;

CREATE TABLE presence.capture (
    tenant_id uuid NOT NULL,
    pbx_id    uuid NOT NULL,
    no        int NOT NULL CHECK (no BETWEEN 1 AND 20),    -- in the order they were stored
    at        timestamptz NOT NULL,
    method    text NOT NULL CHECK (octet_length(method) <= 16),
    query     text NOT NULL CHECK (octet_length(query) <= 16384),
    headers   text[] NOT NULL CHECK (cardinality(headers) <= 20),  -- 'name: value'
    body      text NOT NULL CHECK (octet_length(body) <= 65536),
    cut       boolean NOT NULL,                            -- the body's or query's end is missing
    status    int NOT NULL,                                -- what the PBX was answered
    detail    text,                                        -- and why, where it was refused
    PRIMARY KEY (tenant_id, pbx_id, no),
    FOREIGN KEY (tenant_id, pbx_id) REFERENCES presence.pbx ON DELETE CASCADE
);
CREATE INDEX capture_at ON presence.capture USING brin (at) WITH (pages_per_range = 8);

-- Its rows have become wider.
DROP FUNCTION IF EXISTS presence.pbx_door(uuid);
