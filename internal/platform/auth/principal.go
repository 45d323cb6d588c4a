package auth

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// Principal is who a request comes from. What it may do is asked of the policy: see [Policy.Allows]. The zero value may do
// nothing.
type Principal struct {
	UserID   uuid.UUID
	TenantID uuid.UUID
	Roles    []Role

	// The session that an access token belongs to, zero for none, and the generation of that session at the time.
	SessionID  uuid.UUID
	Generation int64

	TokenID   string    // jti of the access token it was read from, "" for an API key
	ExpiresAt time.Time // when that token ends, UTC; zero for never

	APIKeyID uuid.UUID // the API key that was presented, zero for none

	// Scopes narrow what the roles allow down to these permissions. Nil means everything that the roles allow; an empty
	// list means nothing.
	Scopes []Permission
}

func (p Principal) inScope(permission Permission) bool {
	return p.Scopes == nil || slices.Contains(p.Scopes, permission)
}

// clone returns a copy whose lists are its own.
func (p Principal) clone() Principal {
	p.Roles, p.Scopes = slices.Clone(p.Roles), slices.Clone(p.Scopes)
	return p
}

type principalKey struct{}

// WithPrincipal returns a ctx that carries p.
func WithPrincipal(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// PrincipalFrom returns the principal that ctx carries, and whether it carries one.
func PrincipalFrom(ctx context.Context) (Principal, bool) {
	p, ok := ctx.Value(principalKey{}).(Principal)
	return p, ok
}

// Current returns the principal that ctx carries, or an AUTH_REQUIRED where it carries none. Handlers that act for somebody ask
// it, so that a route which was left without [Authenticate] refuses everybody.
func Current(ctx context.Context) (Principal, error) {
	p, ok := PrincipalFrom(ctx)
	if !ok {
		return p, errors.New(errors.CodeAuthRequired, "")
	}
	return p, nil
}
