-- Failed and pending login attempts by account and by address. The key is a hash of the email or
-- the address: unknown emails have rows too, and the table reveals no email.
--
-- +goose Up
create table login_failures (
    key           bytea       primary key check (octet_length(key) = 32),
    failures      integer     not null check (failures >= 0),
    pending       integer     not null check (pending >= 0),
    since         timestamptz not null, -- time of the first counted failure
    pending_since timestamptz not null, -- start of the first pending attempt
    last_at       timestamptz not null,
    locked_until  timestamptz
);
create index login_failures_last_at_idx on login_failures (last_at);
grant select, insert, update, delete on login_failures to app_role;

-- +goose Down
drop table login_failures;
