-- The role that the service acts as where it logs in as a superuser, in development and tests. In production the login of
-- the service is a role of its own that is a member of this one: grant app_role to the_login.
--
-- +goose Up
-- +goose StatementBegin
do $$
begin
    begin
        create role app_role nologin nosuperuser nobypassrls nocreatedb nocreaterole;
    exception
        when duplicate_object or unique_violation then
            null; -- roles belong to the server: another of its databases has made it
        when insufficient_privilege then
            if not exists (select from pg_roles where rolname = 'app_role') then
                raise exception 'the migrating role may not create the role app_role'
                    using hint = 'Have somebody who may run: create role app_role nologin';
            end if;
    end;
    grant usage on schema public to app_role;
    grant select on goose_db_version to app_role;
    alter default privileges in schema public grant select, insert, update, delete on tables to app_role;
end
$$;
-- +goose StatementEnd

-- +goose Down
alter default privileges in schema public revoke select, insert, update, delete on tables from app_role;
revoke select on goose_db_version from app_role;
revoke usage on schema public from app_role;
-- The role stays: another database of the server may use it.
