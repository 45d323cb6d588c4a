-- Networks from which an account has logged in. Failures from elsewhere do not lock the account for
-- them. Account and network are the keys of their counters in login_failures, which are hashes.
--
-- +goose Up
create table login_addresses (
    account bytea       not null check (octet_length(account) = 32),
    network bytea       not null check (octet_length(network) = 32),
    last_at timestamptz not null default now(), -- a login, give or take a day
    primary key (account, network)
);
create index login_addresses_last_at_idx on login_addresses (last_at);
grant select, insert, update, delete on login_addresses to app_role;

-- +goose Down
drop table login_addresses;
