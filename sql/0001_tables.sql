-- The facts that Presence Sync keeps. Every key starts with the tenant.
-- What is hot (teams_user, tenant_budget, due, call_leg) has no index but its key
-- (due: and the time; teams_user: and the name, which no call changes), and room
-- in its pages for updates in place.

CREATE TABLE presence.tenant (
    tenant_id          uuid PRIMARY KEY,
    name               text NOT NULL CHECK (length(name) <= 256),
    created_at         timestamptz NOT NULL DEFAULT now(),
    consent            text NOT NULL DEFAULT 'none'
                       CHECK (consent IN ('none', 'pending', 'granted', 'lost')),
    consent_problem    text,            -- a code: not_consented, disabled_by_admin ...
    granted_at         timestamptz,
    granted_by         uuid,            -- the administrator's object id
    granted_by_name    text,
    checked_at         timestamptz,     -- the last probe that was answered
    probe_no           bigint NOT NULL DEFAULT 0,
    probe_until_at     timestamptz,     -- a probe is under way until then
    probe_attempts     int NOT NULL DEFAULT 0,
    probe_at           timestamptz,     -- when the next probe is due
    credential_problem text,            -- a code of the token endpoint
    after_call         text NOT NULL DEFAULT 'available'
                       CHECK (after_call IN ('available', 'clear')),
    ringing_is_busy    boolean NOT NULL DEFAULT false,
    lease_s            int NOT NULL DEFAULT 900 CHECK (lease_s BETWEEN 300 AND 14400),
    app_package_at     timestamptz      -- the Teams app package was downloaded
);
CREATE INDEX tenant_probe ON presence.tenant (probe_at) WHERE probe_at IS NOT NULL;

-- The tenant's share of Graph.
CREATE TABLE presence.tenant_budget (
    tenant_id     uuid PRIMARY KEY REFERENCES presence.tenant ON DELETE CASCADE,
    gate_until_at timestamptz,                     -- throttled until then
    newest_s      bigint NOT NULL DEFAULT 0,       -- second of the newest slot
    slots         int[] NOT NULL DEFAULT array_fill(0, ARRAY[35]) -- requests
) WITH (fillfactor = 50);

CREATE TABLE presence.pbx (
    tenant_id       uuid NOT NULL REFERENCES presence.tenant ON DELETE CASCADE,
    pbx_id          uuid NOT NULL DEFAULT gen_random_uuid(),
    name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    platform        text NOT NULL,
    auth            text NOT NULL CHECK (auth IN ('signature', 'path')),
    secret          text NOT NULL,                 -- sealed
    old_secret      text,                          -- sealed; valid until
    old_until_at    timestamptz,
    allow           text[] NOT NULL DEFAULT '{}',  -- networks; empty: anywhere
    max_call_s      int NOT NULL DEFAULT 14400 CHECK (max_call_s BETWEEN 600 AND 86400),
    created_at      timestamptz NOT NULL DEFAULT now(),
    last_event_at   timestamptz,                   -- to within 5 s
    unknown_at      timestamptz,                   -- an event of no linked extension
    unknown_extension text,
    refused_at      timestamptz,                   -- a request that did not prove itself
    refused         text,                          -- why, for the PBX's page
    PRIMARY KEY (tenant_id, pbx_id)
);
CREATE INDEX pbx_id ON presence.pbx (pbx_id);

CREATE TABLE presence.teams_user (
    tenant_id          uuid NOT NULL REFERENCES presence.tenant ON DELETE CASCADE,
    user_id            uuid NOT NULL,              -- the object id in Entra
    name               text,
    upn                text,
    monitoring         boolean NOT NULL DEFAULT false,
    monitoring_at      timestamptz,
    -- what Teams should show
    goal               text NOT NULL DEFAULT 'none'
                       CHECK (goal IN ('none', 'busy', 'available', 'clear')),
    goal_no            bigint NOT NULL DEFAULT 0,  -- counts the changes of goal
    goal_at            timestamptz,
    reason             text,
    -- what we last told it, and whether we can be sure that it still is so
    published          text NOT NULL DEFAULT 'none'
                       CHECK (published IN ('none', 'busy', 'available', 'clear')),
    published_no       bigint NOT NULL DEFAULT 0,
    published_at       timestamptz,
    published_until_at timestamptz,
    certain            boolean NOT NULL DEFAULT true,
    busy_until_at      timestamptz,   -- a Busy of ours may show until then
    told_until_at      timestamptz,   -- anything of ours may show until then
    -- who is telling it right now
    claim_no           bigint NOT NULL DEFAULT 0,
    claim_at           timestamptz,
    claim_until_at     timestamptz,   -- NULL: nobody
    claim_goal         text,
    claim_goal_no      bigint,
    claim_s            int,           -- how long Teams will keep it; clear: NULL
    claim_certain      boolean,       -- before the claim: `certain`,
    claim_busy_until_at timestamptz,  -- busy_until_at,
    claim_told_until_at timestamptz,  -- told_until_at
    -- what went wrong
    attempts           int NOT NULL DEFAULT 0,
    denied             int NOT NULL DEFAULT 0,     -- 401 or 403 in a row
    retry_at           timestamptz,
    failed_no          bigint,        -- this goal is not tried again
    late               boolean NOT NULL DEFAULT false, -- a call given up may land
    resend_at          timestamptz,
    problem            text,
    PRIMARY KEY (tenant_id, user_id)
) WITH (fillfactor = 50);
-- The list of people, page by page; the hot path changes neither column.
CREATE INDEX teams_user_name ON presence.teams_user
    (tenant_id, lower(coalesce(name, upn, '')), user_id);

CREATE TABLE presence.due (
    tenant_id uuid NOT NULL,
    user_id   uuid NOT NULL,
    at        timestamptz NOT NULL,
    first     boolean NOT NULL DEFAULT false,      -- a clear: before the others
    PRIMARY KEY (tenant_id, user_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES presence.teams_user ON DELETE CASCADE
) WITH (fillfactor = 50);
CREATE INDEX due_at ON presence.due (first DESC, at);

CREATE TABLE presence.extension (
    tenant_id uuid NOT NULL,
    pbx_id    uuid NOT NULL,
    extension text NOT NULL CHECK (octet_length(extension) BETWEEN 1 AND 128),
    user_id   uuid NOT NULL,
    linked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, pbx_id, extension),
    FOREIGN KEY (tenant_id, pbx_id) REFERENCES presence.pbx ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, user_id) REFERENCES presence.teams_user ON DELETE CASCADE
);
CREATE INDEX extension_user ON presence.extension (tenant_id, user_id);

-- Open legs only; what ended is a call_end. The key starts with the person,
-- so "is this person on a call" reads one page.
CREATE TABLE presence.call_leg (
    tenant_id uuid NOT NULL,
    user_id   uuid NOT NULL,
    pbx_id    uuid NOT NULL,
    extension text NOT NULL,
    kind      text NOT NULL CHECK (kind IN ('call', 'handset', 'extension')),
    call_id   text NOT NULL,
    leg_id    text NOT NULL,                       -- or the handset's line
    state     smallint NOT NULL CHECK (state IN (1, 2, 3)), -- ringing connected held
    opened_at timestamptz NOT NULL,
    news_at   timestamptz NOT NULL,                -- last news, received
    said_at   timestamptz NOT NULL,                -- and said, in our clock
    event_at  timestamptz,                         -- and said, by the PBX's clock
    PRIMARY KEY (tenant_id, user_id, pbx_id, extension, kind, call_id, leg_id)
) WITH (fillfactor = 50);

-- Tombstones: a leg that ended stays ended.
CREATE TABLE presence.call_end (
    tenant_id uuid NOT NULL,
    pbx_id    uuid NOT NULL,
    extension text NOT NULL,
    call_id   text NOT NULL,
    leg_id    text NOT NULL,
    whole     boolean NOT NULL,                    -- every leg of the call
    at        timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, pbx_id, extension, call_id, leg_id)
);
CREATE INDEX call_end_at ON presence.call_end USING brin (at) WITH (pages_per_range = 8);

-- The newest assertion of a whole state.
CREATE TABLE presence.assertion (
    tenant_id uuid NOT NULL,
    pbx_id    uuid NOT NULL,
    extension text NOT NULL,                       -- '' for kind pbx
    kind      text NOT NULL CHECK (kind IN ('extension', 'handset', 'handsets', 'pbx')),
    line      text NOT NULL,
    at        timestamptz NOT NULL,                -- its time in our clock
    event_at  timestamptz,                         -- by the PBX's clock
    PRIMARY KEY (tenant_id, pbx_id, extension, kind, line),
    FOREIGN KEY (tenant_id, pbx_id) REFERENCES presence.pbx ON DELETE CASCADE
) WITH (fillfactor = 50);

CREATE TABLE presence.event_key (
    tenant_id uuid NOT NULL,
    pbx_id    uuid NOT NULL,
    key       text NOT NULL,
    at        timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, pbx_id, key)
);
CREATE INDEX event_key_at ON presence.event_key USING brin (at) WITH (pages_per_range = 8);

-- The log: when, who, what, outcome, how long. Never the other party.
CREATE TABLE presence.event (
    tenant_id  uuid NOT NULL,
    event_id   bigint GENERATED ALWAYS AS IDENTITY,
    at         timestamptz NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('event', 'publish', 'switch', 'consent', 'admin')),
    type       text NOT NULL,
    outcome    text NOT NULL,
    user_id    uuid,
    pbx_id     uuid,
    extension  text,
    latency_ms int,          -- publish: since the goal changed
    graph_ms   int,          -- publish: Graph's part of it
    detail     text,
    PRIMARY KEY (tenant_id, event_id)
);
CREATE INDEX event_at ON presence.event USING brin (at) WITH (pages_per_range = 8);

CREATE TABLE presence.browser_session (
    session_hash bytea PRIMARY KEY,                -- SHA-256 of the cookie
    tenant_id    uuid NOT NULL REFERENCES presence.tenant ON DELETE CASCADE,
    user_id      uuid NOT NULL,
    name         text NOT NULL,
    roles        text[] NOT NULL,                  -- role template ids (wids)
    csrf         text NOT NULL,
    created_at   timestamptz NOT NULL,
    seen_at      timestamptz NOT NULL
);
CREATE INDEX browser_session_user ON presence.browser_session (tenant_id, user_id);

-- One sign-in or consent under way: one-time, bound to the browser.
CREATE TABLE presence.oauth_state (
    state_hash   bytea PRIMARY KEY,                -- SHA-256 of `state`
    browser_hash bytea NOT NULL,                   -- of the browser's cookie
    purpose      text NOT NULL CHECK (purpose IN ('sign_in', 'consent')),
    nonce        text,
    verifier     text,                             -- PKCE
    next         text,                             -- where to go afterwards
    tenant_id    uuid,                             -- consent: the session's
    created_at   timestamptz NOT NULL
);
CREATE INDEX oauth_state_created ON presence.oauth_state (created_at);
