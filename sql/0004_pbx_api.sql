-- Where a PBX can be asked: its API, and whom to ask about.

CREATE TABLE presence.pbx_api (
    tenant_id     uuid NOT NULL,
    pbx_id        uuid NOT NULL,
    url           text NOT NULL,                    -- https://host[:port]
    domain        text NOT NULL,
    credentials   text NOT NULL,                    -- sealed
    state         text NOT NULL DEFAULT 'new',      -- new, pending, active, error, failed
    problem       text,
    checked_at    timestamptz,                      -- it answered
    until_at      timestamptz,                      -- the subscription ends
    at            timestamptz NOT NULL DEFAULT now(), -- to be looked after
    attempts      int NOT NULL DEFAULT 0,           -- in vain, one after the other
    retry_at      timestamptz,
    claim_no      bigint NOT NULL DEFAULT 0,
    claim_until_at timestamptz,                     -- somebody looks after it; NULL: nobody
    PRIMARY KEY (tenant_id, pbx_id),
    FOREIGN KEY (tenant_id, pbx_id) REFERENCES presence.pbx ON DELETE CASCADE
) WITH (fillfactor = 70);

-- Whose calls are to be asked for.
CREATE TABLE presence.pbx_ask (
    tenant_id uuid NOT NULL,
    pbx_id    uuid NOT NULL,
    extension text NOT NULL,
    at        timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, pbx_id, extension),
    FOREIGN KEY (tenant_id, pbx_id) REFERENCES presence.pbx_api ON DELETE CASCADE
) WITH (fillfactor = 70);
