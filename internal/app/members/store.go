package members

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// memberConstraint is the constraint that keeps memberships unique.
const memberConstraint = "members_pkey"

// store is the table members, and what lists show of users. Its methods run in a tenant transaction, unless they say otherwise; row security
// keeps tenants apart.
type store struct{ pool *db.Pool }

const selectMember = `
	select u.id, u.email, u.display_name, m.role, m.created_at from members m join users u on u.id = m.user_id`

func (s store) get(ctx context.Context, id uuid.UUID) (Member, error) {
	m, err := db.One[Member](ctx, s.pool, selectMember+` where m.user_id = $1`, id)
	m.CreatedAt = m.CreatedAt.UTC()
	return m, errors.NotFoundOr(err, "user", id)
}

// list returns at most limit members whose id is below before, the newest account first. Ids are UUIDv7.
func (s store) list(ctx context.Context, before uuid.UUID, limit int) ([]Member, error) {
	var where db.Conditions
	if before != uuid.Nil {
		where.And("m.user_id < ?", before)
	}
	query := selectMember + where.SQL() + ` order by m.user_id desc limit ` + where.Arg(limit)
	members, err := db.All[Member](ctx, s.pool, query, where.Args()...)
	if err != nil {
		return nil, fmt.Errorf("list members: %w", err)
	}
	for i := range members {
		members[i].CreatedAt = members[i].CreatedAt.UTC()
	}
	return members, nil
}

func (s store) insert(ctx context.Context, tenant, user uuid.UUID, role auth.Role) error {
	_, err := db.Exec(ctx, s.pool, `insert into members (tenant_id, user_id, role) values ($1, $2, $3)`, tenant, user, role)
	switch {
	case db.Violated(err, memberConstraint):
		return errors.Wrap(err, errors.CodeConflict, "The user is a member already").With("field", "email")
	case err != nil:
		return fmt.Errorf("insert a member: %w", err)
	}
	return nil
}

func (s store) setRole(ctx context.Context, user uuid.UUID, role auth.Role) error {
	if _, err := db.Exec(ctx, s.pool, `update members set role = $2 where user_id = $1`, user, role); err != nil {
		return fmt.Errorf("change a role: %w", err)
	}
	return nil
}

func (s store) delete(ctx context.Context, user uuid.UUID) error {
	if _, err := db.Exec(ctx, s.pool, `delete from members where user_id = $1`, user); err != nil {
		return fmt.Errorf("delete a member: %w", err)
	}
	return nil
}

// locked is what a change is judged by.
type locked struct {
	roles  map[uuid.UUID]auth.Role // of those who were named, as far as they are members
	owners int
}

// lock returns the roles of users and the number of owners, and keeps both as they are until the transaction ends: changes of the
// members of one tenant take turns. Whoever comes second begins with what the first has committed, an owner who was made
// meanwhile included.
func (s store) lock(ctx context.Context, users ...uuid.UUID) (locked, error) {
	l := locked{roles: make(map[uuid.UUID]auth.Role, len(users))}
	if _, err := db.Exec(ctx, s.pool, `select from tenants for no key update`); err != nil { // row security leaves one
		return l, fmt.Errorf("lock a tenant: %w", err)
	}
	ids := make([]string, len(users))
	for i, id := range users {
		ids[i] = id.String()
	}
	rows, err := db.All[struct {
		UserID uuid.UUID `db:"user_id"`
		Role   auth.Role `db:"role"`
	}](ctx, s.pool, `select user_id, role from members where role = $1 or user_id = any($2::uuid[])`,
		access.RoleOwner, pq.StringArray(ids))
	if err != nil {
		return l, fmt.Errorf("read the roles of members: %w", err)
	}
	for _, row := range rows {
		l.roles[row.UserID] = row.Role
		if row.Role == access.RoleOwner {
			l.owners++
		}
	}
	return l, nil
}
