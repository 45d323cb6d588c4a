package auth

import (
	"context"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// Role is the role of a member in a tenant. A [Policy] defines which roles exist.
type Role string

// Permission is the right to one kind of action, written resource:action. Each half consists of the
// letters a to z, digits and underscores, and begins with a letter. In the grants of [NewPolicy],
// and nowhere else, either half may be *, which means every known resource or action.
type Permission string

var grantSyntax = regexp.MustCompile(`^(\*|[a-z][a-z0-9_]*):(\*|[a-z][a-z0-9_]*)$`)

// Policy defines what each role may do. Wildcards are resolved when it is made, so that a check is
// a lookup. Roles do not inherit from each other. A Policy is immutable and safe for concurrent
// use. The zero value allows nothing.
type Policy struct {
	known  map[Permission]bool
	grants map[Role]map[Permission]bool
}

// NewPolicy returns a policy that grants each role known permissions, by name or by wildcard, such
// as notes:*, *:read or *:*. The error contains all problems: malformed permissions and grants,
// known wildcards, roles without a name, and grants that match nothing.
func NewPolicy(grants map[Role][]Permission, known []Permission) (*Policy, error) {
	p := &Policy{known: map[Permission]bool{}, grants: map[Role]map[Permission]bool{}}
	var problems []error
	for _, permission := range known {
		if !grantSyntax.MatchString(string(permission)) || strings.Contains(string(permission), "*") {
			problems = append(problems, fmt.Errorf("the permission %q is not of the form resource:action", permission))
		}
		p.known[permission] = true
	}
	for _, role := range slices.Sorted(maps.Keys(grants)) {
		if role == "" {
			problems = append(problems, errors.Sentinel("a role has no name"))
		}
		p.grants[role] = map[Permission]bool{}
		for _, grant := range grants[role] {
			if err := p.grant(role, grant); err != nil {
				problems = append(problems, fmt.Errorf("role %q: %w", role, err))
			}
		}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return p, nil
}

// grant adds to the role all known permissions that a grant matches.
func (p *Policy) grant(role Role, grant Permission) error {
	if !grantSyntax.MatchString(string(grant)) {
		return fmt.Errorf("the grant %q is not of the form resource:action", grant)
	}
	matched := false
	for permission := range p.known {
		// Each has one colon, so a * matches within its own half only.
		if ok, err := path.Match(string(grant), string(permission)); ok && err == nil {
			p.grants[role][permission], matched = true, true
		}
	}
	if !matched {
		return fmt.Errorf("the grant %q matches no known permission", grant)
	}
	return nil
}

// Valid reports whether the policy defines the role, in exactly this spelling.
func (p *Policy) Valid(role Role) bool {
	_, ok := p.grants[role]
	return ok
}

// Known reports whether a role can have the permission. It is false for a wildcard.
func (p *Policy) Known(permission Permission) bool { return p.known[permission] }

// Roles returns all roles, sorted. The caller owns the slice.
func (p *Policy) Roles() []Role { return slices.Sorted(maps.Keys(p.grants)) }

// Permissions returns the union of the permissions of the roles, sorted. Unknown roles add nothing.
// The caller owns the slice.
func (p *Policy) Permissions(roles ...Role) []Permission {
	all := map[Permission]bool{}
	for _, role := range roles {
		maps.Copy(all, p.grants[role])
	}
	return slices.Sorted(maps.Keys(all))
}

// Can reports whether one of the roles has the permission.
func (p *Policy) Can(roles []Role, permission Permission) bool {
	return slices.ContainsFunc(roles, func(r Role) bool { return p.grants[r][permission] })
}

// Allows reports whether the principal has the permission: by its roles and, if any, its scopes.
func (p *Policy) Allows(who Principal, permission Permission) bool {
	return p.Can(who.Roles, permission) && who.inScope(permission)
}

// Granted returns all permissions of the principal, sorted. The caller owns the slice.
func (p *Policy) Granted(who Principal) []Permission {
	return slices.DeleteFunc(p.Permissions(who.Roles...), func(q Permission) bool { return !who.inScope(q) })
}

// Principal is the user on whose behalf a request is made. The zero value has no permission.
type Principal struct {
	UserID   uuid.UUID
	TenantID uuid.UUID
	Roles    []Role

	// The session of the access token and its generation when the token was issued, zero for none.
	SessionID  uuid.UUID
	Generation int64

	TokenID   string    // jti of the access token, empty for an API key
	ExpiresAt time.Time // when the credential expires, UTC; zero for never

	APIKeyID uuid.UUID // zero for an access token

	// Scopes restrict the permissions of the roles. Nil does not, an empty list leaves none.
	Scopes []Permission
}

func (p Principal) inScope(permission Permission) bool {
	return p.Scopes == nil || slices.Contains(p.Scopes, permission)
}

// clone returns a deep copy.
func (p Principal) clone() Principal {
	p.Roles, p.Scopes = slices.Clone(p.Roles), slices.Clone(p.Scopes)
	return p
}

type principalKey struct{}

// WithPrincipal returns a ctx with p as its principal.
func WithPrincipal(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// PrincipalFrom returns the principal of ctx and whether it has one.
func PrincipalFrom(ctx context.Context) (Principal, bool) {
	p, ok := ctx.Value(principalKey{}).(Principal)
	return p, ok
}
