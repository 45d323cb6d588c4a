package session

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// store accesses the tables sessions and revoked_sessions. Its methods run in a transaction of a
// tenant unless they say otherwise.
type store struct{ pool *db.Pool }

// insert adds a session, of which it needs the ids, the keys and the hash.
func (s store) insert(ctx context.Context, row sessionRow, c Config) error {
	from := clientOf(ctx)
	_, err := db.Exec(ctx, s.pool, `
		insert into sessions (id, tenant_id, user_id, family, seed, refresh_hash, remote_ip, user_agent,
			idle_expires_at, expires_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8,
			now() + least($9::float8, $10) * interval '1 second', now() + $10::float8 * interval '1 second')`,
		row.ID, row.TenantID, row.UserID, row.Family, row.Seed, row.RefreshHash, from.RemoteIP, from.UserAgent,
		c.RefreshTokenTTL.Seconds(), c.TTL.Seconds())
	if err != nil {
		return fmt.Errorf("insert a session: %w", err)
	}
	return nil
}

// find returns a session, or sql.ErrNoRows. The grace period uses clock_timestamp, because now() is
// the start of the transaction, which may have waited for the rotation in question.
func (s store) find(ctx context.Context, id uuid.UUID, grace time.Duration) (sessionRow, error) {
	row, err := db.One[sessionRow](ctx, s.pool, `
		select id, tenant_id, user_id, family, seed, refresh_hash, generation,
			revoked_at is not null as revoked,
			idle_expires_at <= now() or expires_at < now() + interval '1 second' as expired, -- the minimum of an access token
			extract(epoch from expires_at - now())::float8 as left,
			coalesce(clock_timestamp() < rotated_at + $2::float8 * interval '1 second', false) as in_grace
		from sessions where id = $1`, id, grace.Seconds())
	if err != nil {
		return row, fmt.Errorf("find a session: %w", err)
	}
	return row, nil
}

// rotate replaces a token by its successor, made with seed, and returns the new generation, or
// sql.ErrNoRows if the token is not the current one of an active session. Unused, the session expires
// after idle.
func (s store) rotate(
	ctx context.Context, old, next auth.RefreshToken, seed []byte, idle time.Duration,
) (int64, error) {
	from := clientOf(ctx)
	generation, err := db.One[int64](ctx, s.pool, `
		update sessions set refresh_hash = $3, seed = $4, generation = generation + 1,
			rotated_at = clock_timestamp(), last_used_at = now(),
			idle_expires_at = least(now() + $5::float8 * interval '1 second', expires_at), remote_ip = $6, user_agent = $7
		where id = $1 and refresh_hash = $2 and revoked_at is null and idle_expires_at > now()
		returning generation`,
		old.SessionID(), old.Hash(), next.Hash(), seed, idle.Seconds(), from.RemoteIP, from.UserAgent)
	if err != nil {
		return 0, fmt.Errorf("rotate a refresh token: %w", err)
	}
	return generation, nil
}

// list returns the active sessions of a user, at most [maxSessions].
func (s store) list(ctx context.Context, user, current uuid.UUID) ([]Session, error) {
	list, err := db.ReadAll[Session](ctx, s.pool, `
		select id, created_at, last_used_at, idle_expires_at as expires_at, remote_ip, user_agent, id = $2 as current
		from sessions where user_id = $1 and revoked_at is null and idle_expires_at > now()
		order by last_used_at desc, id desc limit $3`, user, current, maxSessions)
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	return list, nil
}

// channel is the notification channel for revocations; see [parseNotification].
const channel = "session_revoked"

// selection is a condition on sessions. Its arguments start at $4.
type selection string

const (
	oneSession     selection = `user_id = $4 and id = $5`
	allSessions    selection = `user_id = $4`
	otherSessions  selection = `user_id = $4 and id <> $5`
	excessSessions selection = `user_id = $4 and id in (
		select id from sessions where user_id = $4 and revoked_at is null order by last_used_at desc, id desc offset $5)`
)

// revoke revokes sessions. It includes expired ones, because their access tokens may be valid for
// some minutes more.
func (s store) revoke(
	ctx context.Context, keep time.Duration, reason string, which selection, args ...any,
) ([]revocation, error) {
	update := `update sessions set revoked_at = now(), revoked_reason = $2
		where revoked_at is null and ` + string(which) + `
		returning id as session_id, user_id, $3::bigint as min_generation`
	return s.publish(ctx, update, append([]any{keep.Seconds(), reason, int64(math.MaxInt64)}, args...)...)
}

// renew starts a new generation of all sessions of a member.
func (s store) renew(ctx context.Context, keep time.Duration, user uuid.UUID) ([]revocation, error) {
	return s.publish(ctx, `update sessions set generation = generation + 1 where revoked_at is null and user_id = $2
		returning id as session_id, user_id, generation as min_generation`, keep.Seconds(), user)
}

// publish runs an update of sessions that returns revocations, saves these for $1 seconds and
// notifies all replicas with the commit.
func (s store) publish(ctx context.Context, update string, args ...any) ([]revocation, error) {
	list, err := db.All[revocation](ctx, s.pool, `
		with changed as (`+update+`), listed as (
			insert into revoked_sessions as r (session_id, min_generation, expires_at)
			select session_id, min_generation, now() + $1::float8 * interval '1 second' from changed
			on conflict (session_id) do update set min_generation = greatest(r.min_generation, excluded.min_generation),
				revoked_at = excluded.revoked_at, expires_at = greatest(r.expires_at, excluded.expires_at)
			returning session_id, min_generation
		)
		select session_id, user_id, listed.min_generation from changed join listed using (session_id)
			cross join lateral pg_notify('`+channel+`', session_id || ' ' || listed.min_generation)`, args...)
	if err != nil {
		return nil, fmt.Errorf("revoke sessions: %w", err)
	}
	return list, nil
}

// lookup returns the first valid generation of a session and whether there is a revocation of it.
// It needs no transaction.
func (s store) lookup(ctx context.Context, id uuid.UUID) (minGeneration int64, known bool, err error) {
	minGeneration, err = db.One[int64](ctx, s.pool, `
		select min_generation from revoked_sessions where session_id = $1`, id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("look up a revocation: %w", err)
	}
	return minGeneration, true, nil
}

// revocations returns all revocations. It needs no transaction.
func (s store) revocations(ctx context.Context) ([]revocation, error) {
	list, err := db.All[revocation](ctx, s.pool, `
		select session_id, min_generation, extract(epoch from expires_at - now())::float8 as seconds
		from revoked_sessions where expires_at > now()`)
	if err != nil {
		return nil, fmt.Errorf("read the revocations: %w", err)
	}
	return list, nil
}
