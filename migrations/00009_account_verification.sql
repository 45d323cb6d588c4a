-- Where an account was made, and since when its email is known to be that of its user. Before it is known, no other tenant takes
-- the account for the email's owner. Accounts from before this migration are of no tenant, and have to be verified.
--
-- +goose Up
alter table users add column created_in uuid, add column email_verified_at timestamptz;

-- +goose Down
alter table users drop column created_in, drop column email_verified_at;
