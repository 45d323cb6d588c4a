-- The service reads one password hash at a time, that of the account for which a transaction acts
-- (app.user_id): no list of members, and no statement that an attacker has changed, returns more.
-- Statements that compare passwords use the version instead of the hash.
--
-- This is the first of two steps. Replicas of the previous release read the column itself, so app_role
-- keeps the privilege while there are accounts; a new database has no such replicas. Step two, when all
-- replicas have this release, is what the end of this file does:
--
--   revoke select on users from app_role;
--   grant select (id, email, display_name, created_in, email_verified_at, password_version, created_at,
--       updated_at) on users to app_role;
--
-- +goose Up
alter table users add column password_version bigint not null default 0;

-- +goose StatementBegin
create function users_password_changed() returns trigger language plpgsql as $$
begin
    new.password_version := old.password_version + 1;
    return new;
end
$$;
-- +goose StatementEnd
create trigger users_password_changed before update of password_hash on users for each row
    when (new.password_hash is distinct from old.password_hash) execute function users_password_changed();

-- +goose StatementBegin
create function own_password_hash() returns text language sql stable security definer set search_path = public, pg_temp as $$
    select password_hash from users where id = nullif(current_setting('app.user_id', true), '')::uuid
$$;
-- +goose StatementEnd
revoke execute on function own_password_hash() from public;
grant execute on function own_password_hash() to app_role;

-- A deletion of an account does not cascade to the members of all tenants, and from there to their
-- sessions and keys: memberships end one by one, in their tenants.
alter table members drop constraint members_user_id_fkey,
    add constraint members_user_id_fkey foreign key (user_id) references users (id);

-- +goose StatementBegin
do $$
begin
    if not exists (select from users) then
        revoke select on users from app_role;
        grant select (id, email, display_name, created_in, email_verified_at, password_version, created_at, updated_at)
            on users to app_role;
    end if;
end
$$;
-- +goose StatementEnd

-- +goose Down
grant select on users to app_role;
alter table members drop constraint members_user_id_fkey,
    add constraint members_user_id_fkey foreign key (user_id) references users (id) on delete cascade;
drop function own_password_hash();
drop trigger users_password_changed on users;
drop function users_password_changed();
alter table users drop column password_version;
