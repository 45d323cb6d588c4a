-- part:notes file
--
-- An index of the words and tags of notes. Under row security PostgreSQL uses no index for operators
-- that are not leakproof, such as @@ and @>. So the terms are in a table of their own, and the
-- function notes_matching searches it as the owner, with the tenant in each term. What it returns is
-- still subject to the row security of notes.
--
-- Replicas of the previous release do not read the table; the trigger keeps it up to date for them.
-- Each statement is a transaction of its own, so that no lock on notes is held while existing notes
-- are indexed. A run that was interrupted can be repeated.
--
-- +goose NO TRANSACTION
-- +goose Up
create table if not exists note_terms (
    note_id    uuid        primary key references notes (id) on delete cascade,
    tenant_id  uuid        not null,
    created_at timestamptz not null,
    terms      tsvector    not null -- see note_terms_of
);
create index if not exists note_terms_created_at_idx on note_terms (tenant_id, created_at desc, note_id desc);
grant select, insert, update, delete on note_terms to app_role;
-- Not forced: notes_matching runs as the owner.
alter table note_terms enable row level security;
drop policy if exists note_terms_tenant on note_terms;
create policy note_terms_tenant on note_terms
    using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));

-- note_terms_of returns the terms of a note. Each begins with eight digits of the tenant, so that
-- neither the plan nor the time of a search depends on the notes of other tenants. These digits alone
-- are a term of each note, followed by a space and a tag they are the term of a tag, and followed by
-- a word that of a word, with its positions. Words are without spaces. Words longer than any query
-- are left out: with the digits they could exceed the limit for words.
-- +goose StatementBegin
create or replace function note_terms_of(tenant uuid, words tsvector, tags text[]) returns tsvector
    language sql immutable set search_path = public, pg_temp as $$
    select replace(
            ' ' || ts_delete(words, array(select lexeme from unnest(words) where octet_length(lexeme) > 1000))::text,
            ' ''', ' ''' || right(tenant::text, 8))::tsvector
        || array_to_tsvector(array[right(tenant::text, 8)]
            || array(select right(tenant::text, 8) || ' ' || tag from unnest(tags) tag))
$$;
-- +goose StatementEnd

-- +goose StatementBegin
create or replace function note_terms_update() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    insert into note_terms (note_id, tenant_id, created_at, terms)
    values (new.id, new.tenant_id, new.created_at, note_terms_of(new.tenant_id, new.search, new.tags))
    on conflict (note_id) do update
    set tenant_id = excluded.tenant_id, created_at = excluded.created_at, terms = excluded.terms;
    return null;
end
$$;
-- +goose StatementEnd
create or replace trigger note_terms_update after insert or update on notes
    for each row execute function note_terms_update();

-- The owner needs a policy of its own to read notes, which only this session uses. The lock keeps
-- notes from being deleted before they are indexed, and does not block updates.
drop policy if exists notes_terms on notes;
create policy notes_terms on notes to current_user
    using ((select current_setting('app.notes_terms', true)) = 'on') with check (false);
set app.notes_terms = 'on';
-- +goose StatementBegin
do $$
declare
    last uuid;
begin
    loop
        with batch as (
            select id, tenant_id, created_at, search, tags from notes where last is null or id > last
            order by id limit 1000 for key share
        ), added as (
            insert into note_terms (note_id, tenant_id, created_at, terms)
            select id, tenant_id, created_at, note_terms_of(tenant_id, search, tags) from batch
            on conflict do nothing
        )
        select id from batch order by id desc limit 1 into last;
        commit;
        exit when last is null;
    end loop;
end
$$;
-- +goose StatementEnd
reset app.notes_terms;
drop policy notes_terms on notes;

-- The index comes last: row by row it takes longer. Without the list of pending entries, which each
-- search would read, the time of a search does not depend on recent changes.
drop index if exists note_terms_terms_idx;
create index concurrently note_terms_terms_idx on note_terms using gin (terms) with (fastupdate = off);

-- notes_matching returns the newest notes of the tenant of the transaction with the words of query and
-- with tag, each unless null. They are before a position, unless that is null, and as many as asked
-- for. Frequent terms are found among the newest notes, and rare ones by the index, which would return
-- all notes for frequent ones. The settings are for plans that do not depend on statistics, which
-- know no tenants: newest notes are read in order, and terms by their index.
-- +goose StatementBegin
create or replace function notes_matching(query text, tag text, before timestamptz, before_id uuid, most integer)
    returns setof uuid rows 20 language plpgsql stable security definer set search_path = public, pg_temp
    set enable_seqscan = off set enable_sort = off set jit = off as $$
declare
    tenant constant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
    prefix constant text := right(tenant::text, 8);
    words  constant tsquery := websearch_to_tsquery('simple', query);
    wanted tsquery := prefix::tsquery;
    newest integer;
    found  uuid[];
begin
    if tenant is null or numnode(words) = 0 then
        return;
    end if;
    if words is not null then
        wanted := wanted && regexp_replace(words::text, '''((?:[^'']|'''')*)''', '''' || prefix || '\1''', 'g')::tsquery;
    end if;
    if tag is not null then
        wanted := wanted && array_to_tsvector(array[prefix || ' ' || tag])::text::tsquery;
    end if;
    before := coalesce(before, 'infinity');
    before_id := coalesce(before_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff');

    foreach newest in array array[100, 2000] loop
        found := array(
            select n.note_id from (
                select * from note_terms t where t.tenant_id = tenant and (t.created_at, t.note_id) < (before, before_id)
                order by t.created_at desc, t.note_id desc limit newest
            ) n where n.terms @@ wanted order by n.created_at desc, n.note_id desc limit most);
        if cardinality(found) = most then
            return query select unnest(found);
            return;
        end if;
        exit when 20 * cardinality(found) < most; -- so many more notes would not be enough
    end loop;
    return query
    select m.note_id from (
        select * from note_terms t where t.terms @@ wanted offset 0 -- apart: by no other index
    ) m where m.tenant_id = tenant and (m.created_at, m.note_id) < (before, before_id)
    order by m.created_at desc, m.note_id desc limit most;
end
$$;
-- +goose StatementEnd
revoke execute on function notes_matching(text, text, timestamptz, uuid, integer) from public;
grant execute on function notes_matching(text, text, timestamptz, uuid, integer) to app_role;

-- +goose Down
drop function if exists notes_matching(text, text, timestamptz, uuid, integer);
drop trigger if exists note_terms_update on notes;
drop function if exists note_terms_update();
drop function if exists note_terms_of(uuid, tsvector, text[]);
drop table if exists note_terms;
