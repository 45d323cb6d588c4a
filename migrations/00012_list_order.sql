-- Lists are in the order of the database's clock, then of the ids. The ids alone are in the order of
-- the clocks of the replicas, and imported rows may have any UUID.
--
-- +goose Up
create index notes_created_at_idx on notes (tenant_id, created_at desc, id desc); -- part:notes
drop index notes_tenant_id_id_idx; -- part:notes
create index members_created_at_idx on members (tenant_id, created_at desc, user_id desc);
create index api_keys_created_at_idx on api_keys (tenant_id, created_at desc, id desc);
create index api_keys_user_id_created_at_idx on api_keys (tenant_id, user_id, created_at desc, id desc);
drop index api_keys_tenant_id_id_idx;
drop index api_keys_tenant_id_user_id_id_idx;
create index audit_events_occurred_at_idx on audit_events (tenant_id, occurred_at desc, id desc);
drop index audit_events_tenant_id_id_idx;
drop index audit_events_event_idx;
drop index audit_events_actor_id_idx;
drop index audit_events_target_id_idx;
create index audit_events_event_idx on audit_events (tenant_id, event, occurred_at desc, id desc);
create index audit_events_actor_id_idx on audit_events (tenant_id, actor_id, occurred_at desc, id desc)
    where actor_id is not null;
create index audit_events_target_id_idx on audit_events (tenant_id, target_id, occurred_at desc, id desc)
    where target_id is not null;

-- +goose Down
drop index audit_events_target_id_idx;
drop index audit_events_actor_id_idx;
drop index audit_events_event_idx;
create index audit_events_target_id_idx on audit_events (tenant_id, target_id, id desc) where target_id is not null;
create index audit_events_actor_id_idx on audit_events (tenant_id, actor_id, id desc) where actor_id is not null;
create index audit_events_event_idx on audit_events (tenant_id, event, id desc);
create index audit_events_tenant_id_id_idx on audit_events (tenant_id, id desc);
drop index audit_events_occurred_at_idx;
create index api_keys_tenant_id_user_id_id_idx on api_keys (tenant_id, user_id, id desc);
create index api_keys_tenant_id_id_idx on api_keys (tenant_id, id desc);
drop index api_keys_user_id_created_at_idx;
drop index api_keys_created_at_idx;
drop index members_created_at_idx;
create index notes_tenant_id_id_idx on notes (tenant_id, id desc); -- part:notes
drop index notes_created_at_idx; -- part:notes
