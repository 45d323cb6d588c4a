-- Responses to requests with an Idempotency-Key. A repeated request gets the same response.
--
-- +goose Up
create table idempotency_keys (
    tenant_id    uuid        not null,
    user_id      uuid        not null,
    key          text        not null check (char_length(key) between 1 and 255),
    request_hash bytea       not null,
    response     json,
    created_at   timestamptz not null default now(),
    primary key (tenant_id, user_id, key),
    foreign key (tenant_id, user_id) references members (tenant_id, user_id) on delete cascade
);
create index idempotency_keys_created_at_idx on idempotency_keys (tenant_id, created_at);
alter table idempotency_keys enable row level security;
alter table idempotency_keys force row level security;
create policy idempotency_keys_tenant on idempotency_keys
    using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
grant select, insert, update, delete on idempotency_keys to app_role;

-- +goose Down
drop table idempotency_keys;
