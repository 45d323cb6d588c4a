-- The audit trail: who did what, when and from where. A row is written in the transaction of the
-- action it describes, and the table is append-only. It has no foreign keys, because rows outlive
-- users, members, sessions and tenants.
--
-- Rows without a tenant belong to the system, such as a failed login with an unknown email. The
-- service can insert them when no tenant is set, and cannot read them.
--
-- +goose Up
create table audit_events (
    id             uuid        primary key, -- UUIDv7: ids are ordered by time, so a period is a range of ids
    tenant_id      uuid,
    occurred_at    timestamptz not null,    -- equals the time in the id, in milliseconds
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
-- Filters match few rows of a long trail: without these indexes a list would read all of it.
-- Outcomes and target types match many rows and need no index.
create index audit_events_event_idx on audit_events (tenant_id, event, id desc);
create index audit_events_actor_id_idx on audit_events (tenant_id, actor_id, id desc) where actor_id is not null;
create index audit_events_target_id_idx on audit_events (tenant_id, target_id, id desc) where target_id is not null;
alter table audit_events enable row level security;
alter table audit_events force row level security;
create policy audit_events_tenant on audit_events
    using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
create policy audit_events_system on audit_events for insert
    with check (tenant_id is null and (select nullif(current_setting('app.tenant_id', true), '')) is null);

-- The service may only insert and select, regardless of default privileges.
grant select, insert on audit_events to app_role;
revoke update, delete, truncate on audit_events from app_role;

-- Triggers prevent changes by others, the owner and superusers included, by mistake or by a cascade
-- that is added later. Only audit_events_prune deletes rows.
-- +goose StatementBegin
create function audit_events_keep() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' and current_setting('app.audit_prune', true) = 'on' then
        if old.occurred_at < now() - interval '90 days' then -- the setting alone does not allow deleting newer rows
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

-- Retention: deletes the rows of all tenants and the system from before a time, and returns their
-- number. It is meant for an operator or a database job, with a role that bypasses row security and
-- may delete. Rows of the last 90 days are kept, so that a wrong argument does not delete the
-- recent trail.
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
