-- tenant_table makes a table one of the tenants' tables: a migration calls it after it has created
-- the table, which has a column tenant_id.
--
--	select tenant_table('invoices');
--
-- +goose Up
-- +goose StatementBegin
create function tenant_table(name regclass) returns void language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    execute format('alter table %s enable row level security', name);
    execute format('alter table %s force row level security', name); -- for its owner, too
    execute format('create policy %I on %s using (tenant_id = (select nullif(current_setting(%L, true), %L)::uuid))',
        (select relname from pg_class where oid = name) || '_tenant', name, 'app.tenant_id', '');
    execute format('grant select, insert, update, delete on %s to app_role', name);
end
$$;
-- +goose StatementEnd
revoke execute on function tenant_table(regclass) from public;

-- +goose Down
drop function tenant_table(regclass);
