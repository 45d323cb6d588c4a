package apikeys

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"github.com/netrun-systems/go-service-template/internal/app/paging"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

const columns = "id, user_id, name, scopes, hint, expires_at, last_used_at, created_at"

// store accesses the table api_keys. Its methods run in a tenant transaction; row security, not
// their SQL, separates tenants.
type store struct{ pool *db.Pool }

// count returns the number of active keys of a member.
func (s store) count(ctx context.Context, user uuid.UUID) (int, error) {
	n, err := db.One[int](ctx, s.pool, `
		select count(*) from api_keys
		where user_id = $1 and revoked_at is null and (expires_at is null or expires_at > now())`, user)
	if err != nil {
		return 0, fmt.Errorf("count API keys: %w", err)
	}
	return n, nil
}

// deleteInactive deletes the inactive keys of a member except the newest.
func (s store) deleteInactive(ctx context.Context, user uuid.UUID, keep int) error {
	_, err := db.Exec(ctx, s.pool, `
		delete from api_keys where id in (
			select id from api_keys where user_id = $1 and (revoked_at is not null or expires_at <= now())
			order by coalesce(revoked_at, expires_at) desc, id desc offset $2)`, user, keep)
	if err != nil {
		return fmt.Errorf("delete inactive API keys: %w", err)
	}
	return nil
}

func (s store) insert(
	ctx context.Context, key auth.APIKey, user uuid.UUID, r CreateRequest, end time.Time,
) (Key, error) {
	scopes := make(pq.StringArray, len(r.Scopes))
	for i, scope := range r.Scopes {
		scopes[i] = string(scope)
	}
	k, err := db.One[Key](ctx, s.pool, `
		insert into api_keys (id, tenant_id, user_id, name, hash, hint, scopes, expires_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8)
		returning `+columns, key.ID(), key.TenantID(), user, r.Name, key.Hash(), key.Hint(), scopes, end)
	if err != nil {
		return k, fmt.Errorf("insert an API key: %w", err)
	}
	return k, nil
}

// visible selects the keys of the owner $1, or those of the tenant for the zero UUID, that have not
// been revoked.
const visible = `($1 = '00000000-0000-0000-0000-000000000000'::uuid or user_id = $1) and revoked_at is null`

func (s store) get(ctx context.Context, owner, id uuid.UUID) (Key, error) {
	k, err := db.ReadOne[Key](ctx, s.pool, `select `+columns+` from api_keys where `+visible+` and id = $2`, owner, id)
	return k, errors.NotFoundOr(err, "api_key", id)
}

// revoke revokes a key and returns its owner.
func (s store) revoke(ctx context.Context, owner, id uuid.UUID) (uuid.UUID, error) {
	owner, err := db.One[uuid.UUID](ctx, s.pool, `
		update api_keys set revoked_at = now() where `+visible+` and id = $2 returning user_id`, owner, id)
	return owner, errors.NotFoundOr(err, "api_key", id)
}

// list returns at most limit keys after a position, newest first.
func (s store) list(ctx context.Context, owner uuid.UUID, after paging.Position, limit int) ([]Key, error) {
	var where db.Conditions
	where.And("revoked_at is null")
	if owner != uuid.Nil {
		where.And("user_id = ?", owner)
	}
	if !after.IsZero() {
		where.And("(created_at, id) < (?, ?)", after.Time, after.ID)
	}
	query := `select ` + columns + ` from api_keys` + where.SQL() + ` order by created_at desc, id desc limit ` +
		where.Arg(limit)
	keys, err := db.ReadAll[Key](ctx, s.pool, query, where.Args()...)
	if err != nil {
		return nil, fmt.Errorf("list API keys: %w", err)
	}
	return keys, nil
}

// credential is what authentication needs to know about a key.
type credential struct {
	UserID  uuid.UUID      `db:"user_id"`
	Hash    []byte         `db:"hash"`
	Scopes  pq.StringArray `db:"scopes"`
	Role    auth.Role      `db:"role"`
	Expires *time.Time     `db:"expires_at"`
	Revoked bool           `db:"revoked"`
	Expired bool           `db:"expired"`
	SaveUse bool           `db:"save_use"` // last_used_at is older than a minute
}

// find returns the credential of a key with the current role of its owner, or sql.ErrNoRows, also
// if the owner is not a member.
func (s store) find(ctx context.Context, id uuid.UUID) (credential, error) {
	return db.ReadOne[credential](ctx, s.pool, `
		select k.user_id, k.hash, k.scopes, k.expires_at, m.role, k.revoked_at is not null as revoked,
			coalesce(k.expires_at <= now(), false) as expired,
			coalesce(k.last_used_at <= now() - interval '1 minute', true) as save_use
		from api_keys k join members m on m.tenant_id = k.tenant_id and m.user_id = k.user_id
		where k.id = $1`, id)
}

// permissions never returns nil, because nil scopes do not limit a principal.
func permissions(list pq.StringArray) []auth.Permission {
	scopes := make([]auth.Permission, len(list))
	for i, scope := range list {
		scopes[i] = auth.Permission(scope)
	}
	return scopes
}

// saveUse sets the time of the last use, at most once a minute. It does not wait for another request
// with the key that does so.
func (s store) saveUse(ctx context.Context, id uuid.UUID) error {
	_, err := db.Exec(ctx, s.pool, `
		update api_keys set last_used_at = now() where id in (
			select id from api_keys where id = $1 and coalesce(last_used_at <= now() - interval '1 minute', true)
			for no key update skip locked)`, id)
	if err != nil {
		return fmt.Errorf("save the use of an API key: %w", err)
	}
	return nil
}
