-- Retention: deletes what has expired, for all tenants. Indexes on live and on ended rows, so that
-- neither a login nor the deletion depends on the number of the others.
--
-- +goose Up
create index sessions_active_idx on sessions (tenant_id, user_id, last_used_at desc, id desc) where revoked_at is null;
create index sessions_revoked_at_idx on sessions (revoked_at) where revoked_at is not null;
create index sessions_idle_expires_at_idx on sessions (idle_expires_at);
create index idempotency_keys_expired_idx on idempotency_keys (created_at);
drop index idempotency_keys_created_at_idx; -- was for the deletion in one tenant
create index api_keys_ended_idx on api_keys ((coalesce(revoked_at, expires_at))) where coalesce(revoked_at, expires_at) is not null;

-- The policies are for the owner of the tables, as which retention_sweep runs, and nobody else. They
-- do not make the queries of app_role more expensive, as a condition in its own policy would.
create policy sessions_retention on sessions to current_user
    using ((select current_setting('app.retention', true)) = 'on') with check (false);
create policy idempotency_keys_retention on idempotency_keys to current_user
    using ((select current_setting('app.retention', true)) = 'on') with check (false);
create policy api_keys_retention on api_keys to current_user
    using ((select current_setting('app.retention', true)) = 'on') with check (false);

-- retention_sweep deletes at most batch expired rows of each table and returns the numbers. It
-- returns no row if another transaction is at it, or holds a table locked: it does not wait, because
-- it would keep a connection of the pool meanwhile.
--
-- Sessions are kept for a day after they have expired, so that a refresh gets the reason. Revoked
-- ones are kept until their access tokens have expired: for the longest AUTH_ACCESS_TOKEN_TTL of two
-- hours, and some time for clock skew. API keys are kept for 30 days after their end. The function
-- has no parameter for these times, so that its caller cannot delete what is still valid.
-- +goose StatementBegin
create function retention_sweep(batch integer) returns table (name text, deleted bigint)
    language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '100ms' as $$
begin
    if not pg_try_advisory_xact_lock(6071542207316402) then
        return;
    end if;
    perform set_config('app.retention', 'on', true); -- only a superuser may set it for the function
    return query
    with s as (
        delete from sessions where id in (
            select id from sessions where idle_expires_at < now() - interval '1 day' or revoked_at < now() - interval '3 hours'
            limit batch for update skip locked) returning 1
    ), r as (
        delete from revoked_sessions where session_id in (
            select session_id from revoked_sessions where expires_at < now() limit batch for update skip locked) returning 1
    ), i as (
        delete from idempotency_keys where (tenant_id, user_id, key) in (
            select tenant_id, user_id, key from idempotency_keys where created_at < now() - interval '1 day'
            limit batch for update skip locked) returning 1
    ), f as (
        delete from login_failures where key in (
            select key from login_failures where last_at < now() - interval '1 day' limit batch for update skip locked) returning 1
    ), k as (
        delete from api_keys where id in (
            select id from api_keys where coalesce(revoked_at, expires_at) < now() - interval '30 days'
            limit batch for update skip locked) returning 1
    )
    select 'sessions', count(*) from s union all select 'revocations', count(*) from r
    union all select 'idempotency', count(*) from i union all select 'login_failures', count(*) from f
    union all select 'ended_keys', count(*) from k;
    perform set_config('app.retention', '', true);
exception
    when lock_not_available then return;
end
$$;
-- +goose StatementEnd
revoke execute on function retention_sweep(integer) from public;
grant execute on function retention_sweep(integer) to app_role;

-- +goose Down
drop function retention_sweep(integer);
drop policy api_keys_retention on api_keys;
drop policy idempotency_keys_retention on idempotency_keys;
drop policy sessions_retention on sessions;
drop index api_keys_ended_idx;
create index idempotency_keys_created_at_idx on idempotency_keys (tenant_id, created_at);
drop index idempotency_keys_expired_idx;
drop index sessions_idle_expires_at_idx;
drop index sessions_revoked_at_idx;
drop index sessions_active_idx;
