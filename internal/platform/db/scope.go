package db

import (
	"context"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// The run-time parameters that policies of row security read. They are set for one transaction at a time and are the
// empty string, not NULL, afterwards:
//
//	using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid))
//
// Where one is not set, a query sees no row that depends on it.
const (
	TenantSetting = "app.tenant_id"
	UserSetting   = "app.user_id"
)

var (
	errNoTenant   = errors.Sentinel("ctx carries no tenant")
	errOtherScope = errors.Sentinel("the transaction belongs to another tenant or user")
)

// scope is on whose behalf a transaction runs. A zero id is nobody.
type scope struct{ tenant, user uuid.UUID }

type (
	scopeKey struct{} // the scope of transactions to come
	beginKey struct{} // that of the transaction that begins with this ctx
)

// WithTenant returns a ctx whose [Pool.InTenant] acts for this tenant.
func WithTenant(ctx context.Context, id uuid.UUID) context.Context {
	s := scopeFrom(ctx)
	s.tenant = id
	return context.WithValue(ctx, scopeKey{}, s)
}

// WithUser returns a ctx whose transactions act for this user, for the policies that let users see what is theirs.
func WithUser(ctx context.Context, id uuid.UUID) context.Context {
	s := scopeFrom(ctx)
	s.user = id
	return context.WithValue(ctx, scopeKey{}, s)
}

// WithMember is [WithTenant] and [WithUser] in one, for a user who acts in a tenant.
func WithMember(ctx context.Context, tenant, user uuid.UUID) context.Context {
	return context.WithValue(ctx, scopeKey{}, scope{tenant, user})
}

func scopeFrom(ctx context.Context) scope {
	s, _ := ctx.Value(scopeKey{}).(scope)
	return s
}

// InTenant is [Pool.InTx] for the tenant of ctx: row security lets fn see and write that tenant's rows only. A ctx
// without a tenant is an error, and so is an outer transaction of another tenant.
func (p *Pool) InTenant(ctx context.Context, fn func(ctx context.Context) error) error {
	s := scopeFrom(ctx)
	if s.tenant == uuid.Nil {
		return errors.Internal(errNoTenant, "begin a tenant transaction")
	}
	return p.inTx(ctx, s, fn)
}

// set returns the statements that set the scope in a transaction, each after a semicolon.
func (s scope) set() string { return setting(TenantSetting, s.tenant) + setting(UserSetting, s.user) }

func setting(name string, id uuid.UUID) string {
	if id == uuid.Nil {
		return ""
	}
	return "; set local " + name + " = '" + id.String() + "'"
}

// within returns the scope of a savepoint for inner in a transaction of s, and the statements that enter and leave it. A
// scope may be added to one that has none; it is never exchanged.
func (s scope) within(inner scope) (_ scope, enter, leave string, err error) {
	merged := s
	for _, id := range []struct {
		name       string
		have, want uuid.UUID
		to         *uuid.UUID
	}{{TenantSetting, s.tenant, inner.tenant, &merged.tenant}, {UserSetting, s.user, inner.user, &merged.user}} {
		switch {
		case id.want == uuid.Nil || id.want == id.have:
		case id.have != uuid.Nil:
			return s, "", "", errors.Internal(errOtherScope, "begin a nested transaction")
		default:
			*id.to = id.want
			enter += setting(id.name, id.want)
			leave += "; set local " + id.name + " = ''"
		}
	}
	return merged, enter, leave, nil
}
