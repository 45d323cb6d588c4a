package auth

import (
	"fmt"
	"maps"
	"slices"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// Policy says what each role may do. It is made once, with every wildcard resolved, so that a question is a look-up; roles
// do not inherit from each other. It never changes and is safe for concurrent use. A nil Policy allows nothing.
type Policy struct {
	known  map[Permission]bool
	grants map[Role]map[Permission]bool
}

// NewPolicy returns the policy that gives each role what it is granted: known permissions by name, or by wildcard, such as
// notes:*, *:read or *:*. A wildcard reaches its own half only: *:read gives reading of everything, and nothing but
// reading.
//
// A known permission that is malformed or a wildcard, a role without a name, and a grant that is malformed, not known or
// matches nothing are errors. All of them are returned together.
func NewPolicy(grants map[Role][]Permission, known []Permission) (*Policy, error) {
	p := &Policy{known: map[Permission]bool{}, grants: map[Role]map[Permission]bool{}}
	var problems []error
	for _, permission := range known {
		if _, _, ok := permission.split(); !ok || permission.isPattern() {
			problems = append(problems, fmt.Errorf("the permission %q is not written resource:action", permission))
		}
		p.known[permission] = true
	}
	for _, role := range slices.Sorted(maps.Keys(grants)) {
		if role == "" {
			problems = append(problems, errors.Sentinel("a role has no name"))
		}
		set := map[Permission]bool{}
		for _, grant := range grants[role] {
			if err := p.resolve(grant, set); err != nil {
				problems = append(problems, fmt.Errorf("role %q: %w", role, err))
			}
		}
		p.grants[role] = set
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return p, nil
}

// resolve adds to set what grant gives.
func (p *Policy) resolve(grant Permission, set map[Permission]bool) error {
	if _, _, ok := grant.split(); !ok {
		return fmt.Errorf("the grant %q is not written resource:action", grant)
	}
	matched := false
	for permission := range p.known {
		if grant.covers(permission) {
			set[permission], matched = true, true
		}
	}
	if !matched {
		return fmt.Errorf("the grant %q matches no known permission", grant)
	}
	return nil
}

// Valid reports whether the role is one of the policy, spelt exactly so.
func (p *Policy) Valid(role Role) bool {
	if p == nil {
		return false
	}
	_, ok := p.grants[role]
	return ok
}

// Known reports whether the permission is one that a role can have, spelt exactly so. A wildcard is none.
func (p *Policy) Known(permission Permission) bool { return p != nil && p.known[permission] }

// Roles returns every role, sorted. The caller owns the slice.
func (p *Policy) Roles() []Role {
	if p == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(p.grants))
}

// Permissions returns what the roles may do together, sorted. Unknown roles add nothing. The caller owns the slice.
func (p *Policy) Permissions(roles ...Role) []Permission {
	if p == nil {
		return nil
	}
	all := map[Permission]bool{}
	for _, role := range roles {
		maps.Copy(all, p.grants[role])
	}
	return slices.Sorted(maps.Keys(all))
}

// Can reports whether one of the roles has the permission.
func (p *Policy) Can(roles []Role, permission Permission) bool {
	return p != nil && slices.ContainsFunc(roles, func(r Role) bool { return p.grants[r][permission] })
}

// Allows reports whether the principal has the permission: one of its roles has it, and its scopes, where it has any, name
// it.
func (p *Policy) Allows(who Principal, permission Permission) bool {
	return p.Can(who.Roles, permission) && who.inScope(permission)
}

// Granted returns everything that the principal is allowed, sorted. The caller owns the slice.
func (p *Policy) Granted(who Principal) []Permission {
	return slices.DeleteFunc(p.Permissions(who.Roles...), func(permission Permission) bool { return !who.inScope(permission) })
}
