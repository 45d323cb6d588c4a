package apikeys

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

const columns = "id, user_id, name, scopes, hint, expires_at, last_used_at, created_at"

// store is the table api_keys. Its methods run in a tenant transaction; row security, not their SQL, keeps tenants apart.
type store struct{ pool *db.Pool }

// lockedRole returns the role that a member has, and keeps it, and the number of their keys, until the transaction ends.
func (s store) lockedRole(ctx context.Context, user uuid.UUID) (auth.Role, error) {
	role, err := db.One[auth.Role](ctx, s.pool, `select role from members where user_id = $1 for no key update`, user)
	if errors.Is(err, sql.ErrNoRows) {
		return "", errors.Wrap(err, errors.CodeTenantAccessDenied, "")
	}
	if err != nil {
		return "", fmt.Errorf("read a role: %w", err)
	}
	return role, nil
}

// count returns how many keys of a member are good.
func (s store) count(ctx context.Context, user uuid.UUID) (int, error) {
	n, err := db.One[int](ctx, s.pool, `
		select count(*) from api_keys where user_id = $1 and revoked_at is null and (expires_at is null or expires_at > now())`, user)
	if err != nil {
		return 0, fmt.Errorf("count API keys: %w", err)
	}
	return n, nil
}

// prune forgets the ended keys of a member but for the newest.
func (s store) prune(ctx context.Context, user uuid.UUID, keep int) error {
	_, err := db.Exec(ctx, s.pool, `
		delete from api_keys where id in (
			select id from api_keys where user_id = $1 and (revoked_at is not null or expires_at <= now())
			order by coalesce(revoked_at, expires_at) desc, id desc offset $2)`, user, keep)
	if err != nil {
		return fmt.Errorf("forget ended API keys: %w", err)
	}
	return nil
}

func (s store) insert(ctx context.Context, key auth.APIKey, user uuid.UUID, d Draft, expires time.Time) (Key, error) {
	k, err := db.One[Key](ctx, s.pool, `
		insert into api_keys (id, tenant_id, user_id, name, hash, hint, scopes, expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8)
		returning `+columns, key.ID(), key.TenantID(), user, d.Name, key.Hash(), key.Hint(), texts(d.Scopes), expires)
	if err != nil {
		return k, fmt.Errorf("insert an API key: %w", err)
	}
	return k.inUTC(), nil
}

// reach is whose keys are meant: those of a user, or with the zero id those of the tenant.
type reach uuid.UUID

// within is that as a condition, whose argument is $1. Revoked keys are in nobody's reach.
const within = `($1 = '00000000-0000-0000-0000-000000000000'::uuid or user_id = $1) and revoked_at is null`

func (s store) get(ctx context.Context, of reach, id uuid.UUID) (Key, error) {
	k, err := db.One[Key](ctx, s.pool, `select `+columns+` from api_keys where `+within+` and id = $2`, uuid.UUID(of), id)
	return k.inUTC(), errors.NotFoundOr(err, "api_key", id)
}

// revoke returns whose key it was.
func (s store) revoke(ctx context.Context, of reach, id uuid.UUID) (uuid.UUID, error) {
	owner, err := db.One[uuid.UUID](ctx, s.pool, `
		update api_keys set revoked_at = now() where `+within+` and id = $2 returning user_id`, uuid.UUID(of), id)
	return owner, errors.NotFoundOr(err, "api_key", id)
}

// list returns at most limit keys older than before, newest first. Ids are UUIDv7, so their order is that of creation.
func (s store) list(ctx context.Context, of reach, before uuid.UUID, limit int) ([]Key, error) {
	var where db.Conditions
	where.And("revoked_at is null")
	if of != (reach{}) {
		where.And("user_id = ?", uuid.UUID(of))
	}
	if before != uuid.Nil {
		where.And("id < ?", before)
	}
	query := `select ` + columns + ` from api_keys` + where.SQL() + ` order by id desc limit ` + where.Arg(limit)
	keys, err := db.All[Key](ctx, s.pool, query, where.Args()...)
	if err != nil {
		return nil, fmt.Errorf("list API keys: %w", err)
	}
	for i := range keys {
		keys[i] = keys[i].inUTC()
	}
	return keys, nil
}

// credential is what there is to check a key by.
type credential struct {
	UserID  uuid.UUID      `db:"user_id"`
	Hash    []byte         `db:"hash"`
	Scopes  pq.StringArray `db:"scopes"`
	Role    auth.Role      `db:"role"`
	Expires *time.Time     `db:"expires_at"`
	Revoked bool           `db:"revoked"`
	Expired bool           `db:"expired"`
	Unnoted bool           `db:"unnoted"` // that it is used now has yet to be written down
}

// find returns the credential of a key with the role that its owner has now; sql.ErrNoRows where there is none, also where
// the owner is no member.
func (s store) find(ctx context.Context, id uuid.UUID) (credential, error) {
	return db.One[credential](ctx, s.pool, `
		select k.user_id, k.hash, k.scopes, k.expires_at, m.role, k.revoked_at is not null as revoked,
			coalesce(k.expires_at <= now(), false) as expired,
			coalesce(k.last_used_at <= now() - interval '1 minute', true) as unnoted
		from api_keys k join members m on m.tenant_id = k.tenant_id and m.user_id = k.user_id
		where k.id = $1`, id)
}

// used notes that a key was used, at most once a minute.
func (s store) used(ctx context.Context, id uuid.UUID) error {
	_, err := db.Exec(ctx, s.pool, `
		update api_keys set last_used_at = now()
		where id = $1 and coalesce(last_used_at <= now() - interval '1 minute', true)`, id)
	if err != nil {
		return fmt.Errorf("note the use of an API key: %w", err)
	}
	return nil
}

func (k Key) inUTC() Key {
	k.CreatedAt = k.CreatedAt.UTC()
	for _, at := range []**time.Time{&k.ExpiresAt, &k.LastUsedAt} {
		if *at != nil {
			utc := (*at).UTC()
			*at = &utc
		}
	}
	return k
}
