package session

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// store is the tables sessions and revoked_sessions. Its methods run in a transaction of a tenant, unless they say otherwise.
type store struct{ pool *db.Pool }

// lockedRole returns the role of a member, and keeps it as it is until the transaction ends: a change of it waits, and then
// finds the session that is being opened.
func (s store) lockedRole(ctx context.Context, user uuid.UUID) (auth.Role, error) {
	role, err := db.One[auth.Role](ctx, s.pool, `select role from members where user_id = $1 for share`, user)
	if errors.Is(err, sql.ErrNoRows) {
		return "", errors.Wrap(err, errors.CodeTenantAccessDenied, "")
	}
	if err != nil {
		return "", fmt.Errorf("read a role: %w", err)
	}
	return role, nil
}

// role returns the role of a member, sql.ErrNoRows for who is none.
func (s store) role(ctx context.Context, user uuid.UUID) (auth.Role, error) {
	role, err := db.One[auth.Role](ctx, s.pool, `select role from members where user_id = $1`, user)
	if err != nil {
		return "", fmt.Errorf("read a role: %w", err)
	}
	return role, nil
}

// lockMember waits for sessions that are being opened, and keeps new ones from being opened until the transaction ends.
func (s store) lockMember(ctx context.Context, user uuid.UUID) error {
	if _, err := db.Exec(ctx, s.pool, `select from members where user_id = $1 for update`, user); err != nil {
		return fmt.Errorf("lock a member: %w", err)
	}
	return nil
}

// tenants returns the tenants that a user is a member of. It runs in a transaction of that user without a tenant.
func (s store) tenants(ctx context.Context, user uuid.UUID) ([]uuid.UUID, error) {
	list, err := db.All[uuid.UUID](ctx, s.pool, `select tenant_id from members where user_id = $1 order by tenant_id`, user)
	if err != nil {
		return nil, fmt.Errorf("list the tenants of a user: %w", err)
	}
	return list, nil
}

// prune forgets sessions that ended of age a day ago, some at a time. Until then their clients are told so. Those that were
// revoked stay as long.
func (s store) prune(ctx context.Context, user uuid.UUID) error {
	_, err := db.Exec(ctx, s.pool, `
		delete from sessions where id in (
			select id from sessions where user_id = $1 and idle_expires_at < now() - interval '1 day'
			limit 100 for update skip locked)`, user)
	if err != nil {
		return fmt.Errorf("forget old sessions: %w", err)
	}
	return nil
}

type newSession struct {
	id, tenant, user          uuid.UUID
	family, seed, refreshHash []byte
	from                      Client
}

func (s store) insert(ctx context.Context, n newSession, c Config) error {
	_, err := db.Exec(ctx, s.pool, `
		insert into sessions (id, tenant_id, user_id, family, seed, refresh_hash, remote_ip, user_agent, idle_expires_at, expires_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, now() + least($9::float8, $10) * interval '1 second', now() + $10::float8 * interval '1 second')`,
		n.id, n.tenant, n.user, n.family, n.seed, n.refreshHash, n.from.RemoteIP, n.from.UserAgent, c.RefreshTokenTTL.Seconds(), c.TTL.Seconds())
	if err != nil {
		return fmt.Errorf("insert a session: %w", err)
	}
	return nil
}

// live is what a refresh needs to know of a session.
type live struct {
	ID          uuid.UUID `db:"id"`
	TenantID    uuid.UUID `db:"tenant_id"`
	UserID      uuid.UUID `db:"user_id"`
	Family      []byte    `db:"family"`
	Seed        []byte    `db:"seed"` // of the last rotation
	RefreshHash []byte    `db:"refresh_hash"`
	Generation  int64     `db:"generation"`
	Revoked     bool      `db:"revoked"`
	Expired     bool      `db:"expired"`
	Left        float64   `db:"left"`     // seconds until the session is over, however much it is used
	InGrace     bool      `db:"in_grace"` // the last rotation was so short ago that the token before may come again
}

// find returns a session, sql.ErrNoRows where there is none. The grace is counted by the wall clock, because now() is the
// beginning of the transaction, which may have waited for the very rotation that it asks about.
func (s store) find(ctx context.Context, id uuid.UUID, grace time.Duration) (live, error) {
	l, err := db.One[live](ctx, s.pool, `
		select id, tenant_id, user_id, family, seed, refresh_hash, generation,
			revoked_at is not null as revoked,
			idle_expires_at <= now() or expires_at < now() + interval '1 second' as expired, -- no token lives for less
			extract(epoch from expires_at - now())::float8 as left,
			coalesce(clock_timestamp() < rotated_at + $2::float8 * interval '1 second', false) as in_grace
		from sessions where id = $1`, id, grace.Seconds())
	if err != nil {
		return l, fmt.Errorf("find a session: %w", err)
	}
	return l, nil
}

// rotation is the exchange of a token for its successor.
type rotation struct {
	session   uuid.UUID
	old, next []byte // hashes
	seed      []byte // that the successor is made with
	from      Client
	idle      time.Duration // that the session may be idle from now on
}

// rotate replaces a token by its successor and returns the new generation; sql.ErrNoRows where the token is not the current
// one of a session that goes on.
func (s store) rotate(ctx context.Context, r rotation) (int64, error) {
	generation, err := db.One[int64](ctx, s.pool, `
		update sessions set refresh_hash = $3, seed = $4, generation = generation + 1, rotated_at = clock_timestamp(), last_used_at = now(),
			idle_expires_at = least(now() + $5::float8 * interval '1 second', expires_at), remote_ip = $6, user_agent = $7
		where id = $1 and refresh_hash = $2 and revoked_at is null and idle_expires_at > now()
		returning generation`, r.session, r.old, r.next, r.seed, r.idle.Seconds(), r.from.RemoteIP, r.from.UserAgent)
	if err != nil {
		return 0, fmt.Errorf("rotate a refresh token: %w", err)
	}
	return generation, nil
}

func (s store) list(ctx context.Context, user, current uuid.UUID) ([]Session, error) {
	list, err := db.All[Session](ctx, s.pool, `
		select id, created_at, last_used_at, idle_expires_at as expires_at, remote_ip, user_agent, id = $2 as current
		from sessions where user_id = $1 and revoked_at is null and idle_expires_at > now()
		order by last_used_at desc, id desc limit $3`, user, current, maxSessions)
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	return list, nil
}
