-- What each tenant has spent on language models on each day (UTC), in millionths of a US dollar, and
-- what its requests in flight may still cost. Rows of llm_spending are kept: there is one for each
-- tenant and day.
--
-- +goose Up
create table llm_spending (
    tenant_id uuid   not null default nullif(current_setting('app.tenant_id', true), '')::uuid references tenants (id) on delete cascade,
    day       date   not null,
    spent     bigint not null default 0 check (spent >= 0),
    reserved  bigint not null default 0 check (reserved >= 0),
    primary key (tenant_id, day)
);
alter table llm_spending enable row level security;
alter table llm_spending force row level security;
create policy llm_spending_tenant on llm_spending
    using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
grant select, insert, update, delete on llm_spending to app_role;

-- A settled reservation is kept for an hour, so that it cannot be settled twice.
create table llm_reservations (
    tenant_id  uuid        not null default nullif(current_setting('app.tenant_id', true), '')::uuid references tenants (id) on delete cascade,
    id         uuid        not null,
    day        date        not null,
    amount     bigint      not null check (amount >= 0),
    settled    boolean     not null default false,
    created_at timestamptz not null default now(),
    primary key (tenant_id, id)
);
create index llm_reservations_created_at_idx on llm_reservations (created_at);
alter table llm_reservations enable row level security;
alter table llm_reservations force row level security;
create policy llm_reservations_tenant on llm_reservations
    using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
grant select, insert, update, delete on llm_reservations to app_role;

-- As in the migration for retention: for the owner, as which llm_sweep runs, and nobody else.
create policy llm_spending_retention on llm_spending to current_user
    using ((select current_setting('app.retention', true)) = 'on');
create policy llm_reservations_retention on llm_reservations to current_user
    using ((select current_setting('app.retention', true)) = 'on') with check (false);

-- llm_sweep deletes at most batch reservations of all tenants that are older than an hour, which is
-- longer than a request, and returns their number. It releases those that are not settled: their
-- replica has died. It does not wait, and uses the lock of retention_sweep.
-- +goose StatementBegin
create function llm_sweep(batch integer) returns table (name text, deleted bigint)
    language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '100ms' as $$
begin
    if not pg_try_advisory_xact_lock(6071542207316402) then
        return;
    end if;
    perform set_config('app.retention', 'on', true);
    return query
    with gone as (
        delete from llm_reservations where (tenant_id, id) in (
            select tenant_id, id from llm_reservations where created_at < now() - interval '1 hour'
            limit batch for update skip locked) returning tenant_id, day, amount, settled
    ), open as (
        select tenant_id, day, sum(amount) as amount from gone where not settled group by tenant_id, day
    ), released as (
        update llm_spending s set reserved = s.reserved - open.amount from open
            where (s.tenant_id, s.day) = (open.tenant_id, open.day)
    )
    select 'llm_reservations', count(*) from gone;
    perform set_config('app.retention', '', true);
exception
    when lock_not_available then return;
end
$$;
-- +goose StatementEnd
revoke execute on function llm_sweep(integer) from public;
grant execute on function llm_sweep(integer) to app_role;

-- +goose Down
drop function llm_sweep(integer);
drop table llm_reservations;
drop table llm_spending;
