-- API keys, which programs use instead of their owner's password. Only the SHA-256 of a key is
-- stored, and a hint by which its owner recognizes it. Expired and revoked keys are kept for a
-- while, so that their users get the reason.
--
-- +goose Up
create table api_keys (
    id           uuid        primary key,
    tenant_id    uuid        not null,
    user_id      uuid        not null,
    name         text        not null check (char_length(name) between 1 and 100),
    hash         bytea       not null check (octet_length(hash) = 32),
    hint         text        not null check (char_length(hint) <= 32),
    scopes       text[]      not null check (cardinality(scopes) between 1 and 100),
    expires_at   timestamptz,
    last_used_at timestamptz,
    created_at   timestamptz not null default now(),
    revoked_at   timestamptz,
    constraint api_keys_hash_key unique (hash),
    -- A member's keys are deleted with the membership.
    foreign key (tenant_id, user_id) references members (tenant_id, user_id) on delete cascade
);
create index api_keys_tenant_id_id_idx on api_keys (tenant_id, id desc);
create index api_keys_tenant_id_user_id_id_idx on api_keys (tenant_id, user_id, id desc);
alter table api_keys enable row level security;
alter table api_keys force row level security;
create policy api_keys_tenant on api_keys
    using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
grant select, insert, update, delete on api_keys to app_role;

-- +goose Down
drop table api_keys;
