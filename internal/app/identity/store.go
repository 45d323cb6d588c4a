package identity

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// store writes the table tenants and reads the users of a tenant. Its methods run in a tenant
// transaction.
type store struct{ pool *db.Pool }

func (s store) insertTenant(ctx context.Context, id uuid.UUID, name string) error {
	if _, err := db.Exec(ctx, s.pool, `insert into tenants (id, name) values ($1, $2)`, id, name); err != nil {
		return fmt.Errorf("insert a tenant: %w", err)
	}
	return nil
}

func (s store) user(ctx context.Context, id uuid.UUID) (User, error) {
	u, err := db.ReadOne[User](ctx, s.pool, `
		select u.id, u.email, u.display_name, m.tenant_id, t.name as tenant_name, m.role
		from members m join users u on u.id = m.user_id join tenants t on t.id = m.tenant_id
		where m.user_id = $1`, id)
	return u, errors.NotFoundOr(err, "user", id)
}
