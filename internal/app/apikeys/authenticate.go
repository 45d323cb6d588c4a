package apikeys

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// Authenticate returns whom a key is good for: its owner, in the role that they have now, within the scopes of the key. It is
// made for [auth.Authentication], which says how keys are refused. The key is looked for in the tenant that it names, and
// nowhere else.
func (s *Service) Authenticate(ctx context.Context, key auth.APIKey) (p auth.Principal, err error) {
	ctx = db.WithTenant(ctx, key.TenantID())
	var c credential
	err = s.pool.InTenant(ctx, func(ctx context.Context) error {
		c, err = s.keys.find(ctx, key.ID())
		return err
	})
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return p, auth.ErrAPIKeyUnknown
	case err != nil:
		return p, fmt.Errorf("look up an API key: %w", err)
	case !key.Matches(c.Hash):
		return p, auth.ErrAPIKeyUnknown
	}
	p = auth.Principal{
		UserID: c.UserID, TenantID: key.TenantID(), Roles: []auth.Role{c.Role}, APIKeyID: key.ID(), Scopes: permissions(c.Scopes),
	}
	if c.Expires != nil {
		p.ExpiresAt = c.Expires.UTC()
	}
	switch {
	case c.Revoked:
		return p, auth.ErrAPIKeyRevoked
	case c.Expired:
		return p, auth.ErrAPIKeyExpired
	case c.Unnoted:
		s.used.note(key)
	}
	return p, nil
}
