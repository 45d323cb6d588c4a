package db

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// ErrBypassesRowSecurity refuses a login that is, or can become, a superuser or a role with BYPASSRLS: row security would not apply to it, also
// where it is forced, and every tenant would see every row.
var ErrBypassesRowSecurity = errors.Sentinel("the database role is a superuser or has BYPASSRLS, so row security would not hold: " +
	"connect as a role without either")

// actingRole waits for the server and returns the role that the pool is to act as: none where the login is bound by row
// security, Options.Role where it is not.
func actingRole(ctx context.Context, cfg Config, o Options) (string, error) {
	c, err := newConnector(cfg.URL.Reveal(), connectorOptions{appName: cfg.AppName, commandTimeout: cfg.CommandTimeout, observer: observer{log: o.Log}})
	if err != nil {
		return "", err
	}
	db := sql.OpenDB(c)
	defer func() { _ = db.Close() }()
	if err := wait(ctx, db, o.Log); err != nil {
		return "", err
	}
	var bypasses, exists bool
	// A session can become any role that its login is a member of, with SET ROLE, so all of them count.
	err = db.QueryRowContext(ctx, `
		select coalesce(bool_or((rolsuper or rolbypassrls) and pg_has_role(session_user, oid, 'member')), false),
		       coalesce(bool_or(rolname = $1), false)
		from pg_roles`, o.Role).Scan(&bypasses, &exists)
	switch {
	case err != nil:
		return "", fmt.Errorf("look up the database role: %w", mapError(ctx, err))
	case !bypasses:
		return "", nil
	case o.Role == "":
		return "", ErrBypassesRowSecurity
	case !exists:
		return "", fmt.Errorf("%w; the role %s, which migrations create, does not exist yet", ErrBypassesRowSecurity, o.Role)
	}
	return o.Role, nil
}
