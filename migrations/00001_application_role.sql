-- In development and tests the service logs in as a superuser and acts as the role app_role. In
-- production its login is a separate role that is a member of app_role: grant app_role to
-- the_login.
--
-- Each migration grants what app_role needs of its tables: default privileges would depend on the
-- login that migrates.
--
-- +goose Up
-- +goose StatementBegin
do $$
begin
    begin
        create role app_role nologin nosuperuser nobypassrls nocreatedb nocreaterole;
    exception
        when duplicate_object or unique_violation then
            null; -- roles belong to the server: a migration of another database created it
        when insufficient_privilege then
            if not exists (select from pg_roles where rolname = 'app_role') then
                raise exception 'the migrating role may not create the role app_role'
                    using hint = 'Have somebody who may run: create role app_role nologin';
            end if;
    end;
    grant usage on schema public to app_role;
    grant select on goose_db_version to app_role;
end
$$;
-- +goose StatementEnd

-- +goose Down
revoke select on goose_db_version from app_role;
revoke usage on schema public from app_role;
-- The role is kept: another database of the server may use it.
