package apptest

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
)

// Tenant adds a tenant and returns its id.
func (d *Database) Tenant(t testing.TB) uuid.UUID {
	t.Helper()
	id := newID(t)
	d.Exec(t, `insert into tenants (id, name) values ($1, 'T')`, id)
	return id
}

// Member adds a user, whose email is their id at example.com, and makes them a member of a tenant. The principal is that of an
// access token.
func (d *Database) Member(t testing.TB, tenant uuid.UUID, role auth.Role) auth.Principal {
	t.Helper()
	user := newID(t)
	d.Exec(t, `insert into users (id, email, password_hash, display_name) values ($1, $2, 'x', 'A')`, user, user.String()+"@example.com")
	return d.Join(t, tenant, user, role)
}

// Join makes a user who is there a member of another tenant.
func (d *Database) Join(t testing.TB, tenant, user uuid.UUID, role auth.Role) auth.Principal {
	t.Helper()
	d.Exec(t, `insert into members (tenant_id, user_id, role) values ($1, $2, $3)`, tenant, user, role)
	return auth.Principal{UserID: user, TenantID: tenant, Roles: []auth.Role{role}, SessionID: newID(t)}
}

// As returns the ctx of a request of p.
func As(t testing.TB, p auth.Principal) context.Context {
	t.Helper()
	return db.WithUser(db.WithTenant(auth.WithPrincipal(t.Context(), p), p.TenantID), p.UserID)
}

// newID returns an id such as the service makes: in the order of time, which lists need.
func newID(t testing.TB) uuid.UUID {
	t.Helper()
	id, err := uuid.NewV7()
	require.NoError(t, err)
	return id
}
