-- +goose Up
create table tenants (
    id         uuid        primary key,
    name       text        not null check (char_length(name) between 1 and 100),
    created_at timestamptz not null default now()
);
alter table tenants enable row level security;
alter table tenants force row level security;
create policy tenants_own on tenants
    using (id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));

-- User accounts. The email is unique across tenants; members lists the tenants of an account.
create table users (
    id            uuid        primary key,
    email         text        not null check (email = lower(email) and char_length(email) <= 254),
    password_hash text        not null,
    display_name  text        not null check (char_length(display_name) <= 100),
    created_at    timestamptz not null default now(),
    updated_at    timestamptz not null default now(),
    constraint users_email_key unique (email)
);

create table members (
    tenant_id  uuid        not null references tenants (id) on delete cascade,
    user_id    uuid        not null references users (id) on delete cascade,
    role       text        not null check (role in ('owner', 'admin', 'member', 'viewer')),
    created_at timestamptz not null default now(),
    primary key (tenant_id, user_id)
);
create index members_user_id_idx on members (user_id);
alter table members enable row level security;
alter table members force row level security;
create policy members_tenant on members
    using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
-- Login knows the user before the tenant: without a tenant, users can see their own memberships.
create policy members_self on members for select
    using (user_id = (select nullif(current_setting('app.user_id', true), '')::uuid)
        and (select nullif(current_setting('app.tenant_id', true), '')) is null);

grant select, insert, update, delete on tenants, users, members to app_role;

-- +goose Down
drop table members;
drop table users;
drop table tenants;
