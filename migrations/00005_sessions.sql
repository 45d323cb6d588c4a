-- A login creates a session with a family of refresh tokens. Only the SHA-256 of the current token
-- is stored. The key family verifies that any token of the session was issued; seed and the
-- previous token determine the current token.
--
-- +goose Up
create table sessions (
    id              uuid        primary key,
    tenant_id       uuid        not null,
    user_id         uuid        not null,
    family          bytea       not null check (octet_length(family) = 32),
    seed            bytea       not null check (octet_length(seed) = 32),
    refresh_hash    bytea       not null check (octet_length(refresh_hash) = 32),
    generation      bigint      not null default 0 check (generation >= 0),
    rotated_at      timestamptz,
    created_at      timestamptz not null default now(),
    last_used_at    timestamptz not null default now(),
    idle_expires_at timestamptz not null,
    expires_at      timestamptz not null,
    revoked_at      timestamptz,
    revoked_reason  text        check (char_length(revoked_reason) <= 64),
    remote_ip       text        not null check (char_length(remote_ip) <= 64),
    user_agent      text        not null check (char_length(user_agent) <= 256),
    check (idle_expires_at <= expires_at),
    check ((revoked_at is null) = (revoked_reason is null)),
    foreign key (tenant_id, user_id) references members (tenant_id, user_id) on delete cascade
);
create index sessions_tenant_id_user_id_idx on sessions (tenant_id, user_id, last_used_at desc);
alter table sessions enable row level security;
alter table sessions force row level security;
create policy sessions_tenant on sessions
    using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));

-- Revoked access tokens: those of a session with a generation below min_generation. Every replica
-- reads the whole table, so it has no tenant and contains ids only. A row can be deleted after
-- expires_at, when the last of these tokens has expired.
create table revoked_sessions (
    session_id     uuid        primary key,
    min_generation bigint      not null,
    revoked_at     timestamptz not null default now(),
    expires_at     timestamptz not null
);
create index revoked_sessions_expires_at_idx on revoked_sessions (expires_at);
grant select, insert, update, delete on sessions, revoked_sessions to app_role;

-- +goose Down
drop table revoked_sessions;
drop table sessions;
