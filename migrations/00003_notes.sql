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
    -- Words as they are written, in any language: no stemming, no stop words.
    search     tsvector    generated always as (
        setweight(to_tsvector('simple', title), 'A') || setweight(to_tsvector('simple', body), 'B')
    ) stored
);
create index notes_tenant_id_id_idx on notes (tenant_id, id desc);
create index notes_author_id_idx on notes (author_id);
create index notes_search_idx on notes using gin (search);
create index notes_tags_idx on notes using gin (tags);
alter table notes enable row level security;
alter table notes force row level security;
create policy notes_tenant on notes
    using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));

-- +goose Down
drop table notes;
