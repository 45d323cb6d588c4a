-- +goose Up
create table notes (
    id         uuid        primary key,
    tenant_id  uuid        not null references tenants (id) on delete cascade,
    author_id  uuid        not null references users (id),
    title      text        not null check (char_length(title) between 1 and 200),
    body       text        not null check (char_length(body) <= 100000),
    tags       text[]      not null default '{}' check (cardinality(tags) <= 20),
    version    bigint      not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    -- The configuration simple suits any language: no stemming, no stop words.
    search     tsvector    generated always as (
        setweight(to_tsvector('simple', title), 'A') || setweight(to_tsvector('simple', body), 'B')
    ) stored
);
create index notes_tenant_id_id_idx on notes (tenant_id, id desc);
create index notes_author_id_idx on notes (author_id);
-- There is no index on search and tags. With row security, PostgreSQL checks the tenant before
-- operators that are not leakproof, such as @@ and @>: a search reads all notes of its tenant and
-- would never use a GIN index.
alter table notes enable row level security;
alter table notes force row level security;
create policy notes_tenant on notes
    using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
grant select, insert, update, delete on notes to app_role;

-- +goose Down
drop table notes;
