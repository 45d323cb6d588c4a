package auth

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Principal is who a request comes from. The zero value may do nothing.
type Principal struct {
	UserID    uuid.UUID
	TenantID  uuid.UUID
	Roles     []Role
	TokenID   string    // jti of the token it was read from
	ExpiresAt time.Time // when that token ends, UTC
}

// Can reports whether one of the roles of p has the permission.
func (p Principal) Can(permission Permission) bool {
	return slices.ContainsFunc(p.Roles, func(r Role) bool { return r.Can(permission) })
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
