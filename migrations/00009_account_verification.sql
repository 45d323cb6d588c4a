-- The tenant in which an account was created, and the time when its email was verified. Other
-- tenants trust verified accounts only. Accounts from before this migration have no tenant and must
-- be verified.
--
-- +goose Up
alter table users add column created_in uuid, add column email_verified_at timestamptz;

-- +goose Down
alter table users drop column created_in, drop column email_verified_at;
