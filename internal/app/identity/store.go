package identity

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// store is the tables tenants and members.
type store struct{ pool *db.Pool }

func (s store) insertTenant(ctx context.Context, id uuid.UUID, name string) error {
	_, err := db.Exec(ctx, s.pool, `insert into tenants (id, name) values ($1, $2)`, id, name)
	if err != nil {
		return fmt.Errorf("insert a tenant: %w", err)
	}
	return nil
}

func (s store) insertMember(ctx context.Context, tenant, user uuid.UUID, role auth.Role) error {
	_, err := db.Exec(ctx, s.pool, `insert into members (tenant_id, user_id, role) values ($1, $2, $3)`, tenant, user, role)
	if err != nil {
		return fmt.Errorf("insert a member: %w", err)
	}
	return nil
}

// membership returns the tenant if the user is a member of it, else the one joined first. It runs in a transaction of that user;
// none is sql.ErrNoRows.
func (s store) membership(ctx context.Context, user, tenant uuid.UUID) (uuid.UUID, error) {
	return db.One[uuid.UUID](ctx, s.pool, `
		select tenant_id from members where user_id = $1 order by (tenant_id = $2) desc, created_at, tenant_id limit 1`,
		user, tenant)
}

// user returns a member of the tenant of the transaction.
func (s store) user(ctx context.Context, id uuid.UUID) (User, error) {
	u, err := db.One[User](ctx, s.pool, `
		select u.id, u.email, u.display_name, m.tenant_id, t.name as tenant_name, m.role
		from members m join users u on u.id = m.user_id join tenants t on t.id = m.tenant_id
		where m.user_id = $1`, id)
	return u, errors.NotFoundOr(err, "user", id)
}
