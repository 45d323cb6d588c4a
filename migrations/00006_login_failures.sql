-- Attempts to log in, by account and by address, that have failed, and those that are being judged. A key is a hash of either:
-- there is a row also for an email that is nobody's, and the table tells no emails.
--
-- +goose Up
create table login_failures (
    key           bytea       primary key check (octet_length(key) = 32),
    failures      integer     not null check (failures >= 0),
    pending       integer     not null check (pending >= 0),
    since         timestamptz not null, -- when the failures began to be counted
    pending_since timestamptz not null, -- when the first of the pending ones began
    last_at       timestamptz not null,
    locked_until  timestamptz
);
create index login_failures_last_at_idx on login_failures (last_at);

-- +goose Down
drop table login_failures;
