-- The service never deletes an account or a tenant, and such a deletion would cascade to the rows of
-- all tenants.
--
-- +goose Up
revoke delete, truncate on users, tenants from app_role;

-- +goose Down
grant delete on users, tenants to app_role;
