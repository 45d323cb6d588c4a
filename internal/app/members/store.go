package members

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/paging"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// Store reads and writes the table members. Its methods run in a tenant transaction, unless they
// say otherwise; row security separates the tenants. It is safe for concurrent use.
type Store struct{ pool *db.Pool }

// NewStore returns a store on pool.
func NewStore(pool *db.Pool) Store { return Store{pool} }

// Insert adds a member. It returns RESOURCE_CONFLICT if the user is a member already, or if the
// account was deleted meanwhile.
func (s Store) Insert(ctx context.Context, tenant, user uuid.UUID, role auth.Role) error {
	n, err := db.Exec(ctx, s.pool, `
		insert into members (tenant_id, user_id, role)
		select $1, id, $3 from users where id = $2 and email like '%@%' for key share`, tenant, user, role)
	switch {
	case err == nil && n == 0:
		return errors.Conflict("The account was deleted meanwhile").With("field", "email")
	case db.Violated(err, "members_pkey"):
		return errors.Wrap(err, errors.CodeConflict, "The user is already a member").With("field", "email")
	case err != nil:
		return fmt.Errorf("insert a member: %w", err)
	}
	return nil
}

// TenantOf returns a tenant of the user: the preferred one if the user is a member of it, else the
// one that the user joined first, or sql.ErrNoRows if there is none. It runs in a transaction of
// the user, without a tenant.
func (s Store) TenantOf(ctx context.Context, user, preferred uuid.UUID) (uuid.UUID, error) {
	return db.One[uuid.UUID](ctx, s.pool, `
		select tenant_id from members where user_id = $1 order by (tenant_id = $2) desc, created_at, tenant_id limit 1`,
		user, preferred)
}

// Lock is how [Store.Role] locks a membership until the end of the transaction.
type Lock string

// The locks. Share blocks changes of the role and Exclusive also other locks.
const (
	Unlocked  Lock = ""
	Share     Lock = " for share"
	Exclusive Lock = " for no key update"
)

// Role returns the current role of a member. A user who is not a member is a TENANT_ACCESS_DENIED
// that wraps sql.ErrNoRows.
func (s Store) Role(ctx context.Context, user uuid.UUID, lock Lock) (auth.Role, error) {
	role, err := db.One[auth.Role](ctx, s.pool, `select role from members where user_id = $1`+string(lock), user)
	if errors.Is(err, sql.ErrNoRows) {
		return "", errors.Wrap(err, errors.CodeTenantAccessDenied, "")
	}
	if err != nil {
		return "", fmt.Errorf("read a role: %w", err)
	}
	return role, nil
}

// LockForDelete waits for transactions that have a [Lock] on a membership, and blocks new ones
// until the transaction ends.
func (s Store) LockForDelete(ctx context.Context, user uuid.UUID) error {
	if _, err := db.Exec(ctx, s.pool, `select from members where user_id = $1 for update`, user); err != nil {
		return fmt.Errorf("lock a member: %w", err)
	}
	return nil
}

// Membership is a tenant of a user.
type Membership struct {
	TenantID uuid.UUID `json:"tenant_id" db:"tenant_id"`
	Role     auth.Role `json:"role" db:"role"`
}

// Memberships returns all tenants of a user with the roles. It runs in a transaction of the user,
// without a tenant.
func (s Store) Memberships(ctx context.Context, user uuid.UUID) ([]Membership, error) {
	list, err := db.All[Membership](ctx, s.pool, `
		select tenant_id, role from members where user_id = $1 order by tenant_id`, user)
	if err != nil {
		return nil, fmt.Errorf("list the memberships of a user: %w", err)
	}
	return list, nil
}

const selectMember = `
	select u.id, u.email, u.display_name, m.role, m.created_at from members m join users u on u.id = m.user_id`

func (s Store) get(ctx context.Context, id uuid.UUID) (Member, error) {
	m, err := db.ReadOne[Member](ctx, s.pool, selectMember+` where m.user_id = $1`, id)
	return m, errors.NotFoundOr(err, "user", id)
}

// list returns at most limit members after a position, the newest membership first.
func (s Store) list(ctx context.Context, after paging.Position, limit int) ([]Member, error) {
	var where db.Conditions
	if !after.IsZero() {
		where.And("(m.created_at, m.user_id) < (?, ?)", after.Time, after.ID)
	}
	query := selectMember + where.SQL() + ` order by m.created_at desc, m.user_id desc limit ` + where.Arg(limit)
	members, err := db.ReadAll[Member](ctx, s.pool, query, where.Args()...)
	if err != nil {
		return nil, fmt.Errorf("list members: %w", err)
	}
	return members, nil
}

func (s Store) updateRole(ctx context.Context, user uuid.UUID, role auth.Role) error {
	if _, err := db.Exec(ctx, s.pool, `update members set role = $2 where user_id = $1`, user, role); err != nil {
		return fmt.Errorf("update a role: %w", err)
	}
	return nil
}

func (s Store) delete(ctx context.Context, user uuid.UUID) error {
	if _, err := db.Exec(ctx, s.pool, `delete from members where user_id = $1`, user); err != nil {
		return fmt.Errorf("delete a member: %w", err)
	}
	return nil
}

// lockTenant makes other changes of the tenant's members wait until the transaction ends.
// Statements after it see what the change before has committed, including new owners.
func (s Store) lockTenant(ctx context.Context) error {
	// Row security limits the statement to the tenant of the transaction.
	if _, err := db.Exec(ctx, s.pool, `select from tenants for no key update`); err != nil {
		return fmt.Errorf("lock the tenant: %w", err)
	}
	return nil
}

func (s Store) current(ctx context.Context, principal, member uuid.UUID) (current, error) {
	c, err := db.One[current](ctx, s.pool, `
		select coalesce(max(role) filter (where user_id = $1), '') as principal,
			coalesce(max(role) filter (where user_id = $2), '') as member,
			count(*) filter (where role = $3) as owners, count(*) as members
		from members`, principal, member, access.RoleOwner)
	if err != nil {
		return c, fmt.Errorf("read the roles of members: %w", err)
	}
	return c, nil
}
