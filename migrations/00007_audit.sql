-- The audit trail: who did what, when and from where. It is written with what it tells of, in the same transaction, and only
-- ever added to. It has no foreign keys, because it outlives what it tells of: users, members, sessions, and tenants too.
--
-- A row without a tenant is of the system trail, such as the failed login of nobody's account. The service can write such
-- rows where no tenant is set, and can never read them.
--
-- +goose Up
create table audit_events (
    id             uuid        primary key, -- UUIDv7: the order of the ids is that of time, and a period is a range of ids
    tenant_id      uuid,
    occurred_at    timestamptz not null,    -- the time in the id, to the millisecond
    event          text        not null check (char_length(event) between 1 and 64),
    outcome        text        not null check (char_length(outcome) between 1 and 32),
    actor_id       uuid,
    session_id     uuid,
    api_key_id     uuid,
    target_type    text        check (char_length(target_type) between 1 and 64),
    target_id      text        check (char_length(target_id) between 1 and 200),
    reason         text        check (char_length(reason) between 1 and 200),
    remote_ip      text        check (char_length(remote_ip) between 1 and 64),
    correlation_id text        check (char_length(correlation_id) between 1 and 128),
    details        jsonb       not null check (jsonb_typeof(details) = 'object')
);
create index audit_events_tenant_id_id_idx on audit_events (tenant_id, id desc);
-- What is asked for is rare in a long trail: without these a list would read the trail to its end. Outcome and type of a
-- target are not rare, and have none.
create index audit_events_event_idx on audit_events (tenant_id, event, id desc);
create index audit_events_actor_id_idx on audit_events (tenant_id, actor_id, id desc) where actor_id is not null;
create index audit_events_target_id_idx on audit_events (tenant_id, target_id, id desc) where target_id is not null;
alter table audit_events enable row level security;
alter table audit_events force row level security;
create policy audit_events_tenant on audit_events
    using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
create policy audit_events_system on audit_events for insert
    with check (tenant_id is null and (select nullif(current_setting('app.tenant_id', true), '')) is null);

-- The service may add and read, whatever the default privileges say.
revoke update, delete, truncate on audit_events from app_role;

-- Nor may anybody else change the trail, its owner and superusers included, by mistake or by a cascade that is added later.
-- Only audit_events_prune takes rows out.
-- +goose StatementBegin
create function audit_events_keep() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' and current_setting('app.audit_prune', true) = 'on' then
        if old.occurred_at < now() - interval '90 days' then -- nor does the setting alone open the rest
            return old;
        end if;
    end if;
    raise exception 'the audit trail is append-only' using errcode = 'insufficient_privilege',
        hint = 'Rows that are past their time are taken out by audit_events_prune.';
end
$$;
-- +goose StatementEnd
create trigger audit_events_keep before update or delete on audit_events for each row execute function audit_events_keep();
create trigger audit_events_keep_all before truncate on audit_events for each statement execute function audit_events_keep();

-- Retention: deletes what happened before a time, of all tenants and of the system, and returns how many rows that were. It is
-- for an operator or a job of the database, as a role that row security does not bind and that may delete. What is younger
-- than 90 days stays, so that a wrong time does not cost the trail that somebody may be about to need.
-- +goose StatementBegin
create function audit_events_prune(before timestamptz) returns bigint language plpgsql as $$
declare
    pruned bigint;
begin
    if before is null or before > now() - interval '90 days' then
        raise exception 'the audit trail is kept for 90 days at least' using errcode = 'invalid_parameter_value';
    end if;
    perform set_config('app.audit_prune', 'on', true);
    delete from audit_events where occurred_at < before;
    get diagnostics pruned = row_count;
    perform set_config('app.audit_prune', '', true);
    return pruned;
end
$$;
-- +goose StatementEnd
revoke execute on function audit_events_prune(timestamptz) from public;

-- +goose Down
drop table audit_events;
drop function audit_events_prune(timestamptz);
drop function audit_events_keep();
