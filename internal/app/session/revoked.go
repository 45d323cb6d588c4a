package session

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// channel is where replicas hear of sessions whose access tokens have become stale: "<session id> <first good generation>".
const channel = "session_revoked"

// stale is a session whose access tokens before a generation are refused.
type stale struct {
	SessionID     uuid.UUID `db:"session_id"`
	UserID        uuid.UUID `db:"user_id"`
	MinGeneration int64     `db:"min_generation"`
}

// selection is a condition on sessions. Its arguments begin with $4.
type selection string

const (
	one     selection = `user_id = $4 and id = $5`
	allOf   selection = `user_id = $4`
	others  selection = `user_id = $4 and id <> $5`
	surplus selection = `user_id = $4 and id in (
		select id from sessions where user_id = $4 and revoked_at is null order by last_used_at desc, id desc offset $5)`
)

// publish wraps an update of sessions that returns them as stale. It lists them and notifies every replica at the commit; $1
// is for how many seconds they are listed.
const publish = `
	with changed as (%s), listed as (
		insert into revoked_sessions as r (session_id, min_generation, expires_at)
		select session_id, min_generation, now() + $1::float8 * interval '1 second' from changed
		on conflict (session_id) do update set min_generation = greatest(r.min_generation, excluded.min_generation),
			revoked_at = excluded.revoked_at, expires_at = greatest(r.expires_at, excluded.expires_at)
		returning session_id, min_generation
	)
	select session_id, user_id, listed.min_generation from changed join listed using (session_id)
		cross join lateral pg_notify('` + channel + `', session_id || ' ' || listed.min_generation)`

// revoke ends the sessions of a selection, expired ones too, whose access tokens may be good for some minutes yet.
func (s store) revoke(ctx context.Context, keep time.Duration, reason string, which selection, args ...any) ([]stale, error) {
	update := `update sessions set revoked_at = now(), revoked_reason = $2 where revoked_at is null and ` + string(which) + `
		returning id as session_id, user_id, $3::bigint as min_generation`
	list, err := s.published(ctx, update, append([]any{keep.Seconds(), reason, int64(everything)}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("revoke sessions: %w", err)
	}
	return list, nil
}

// renew begins a new generation of all sessions of a member.
func (s store) renew(ctx context.Context, keep time.Duration, user uuid.UUID) ([]stale, error) {
	list, err := s.published(ctx, `update sessions set generation = generation + 1 where revoked_at is null and user_id = $2
		returning id as session_id, user_id, generation as min_generation`, keep.Seconds(), user)
	if err != nil {
		return nil, fmt.Errorf("renew sessions: %w", err)
	}
	return list, nil
}

// published also forgets what is of no use any more, some at a time, so that the table stays as small as what it is about.
func (s store) published(ctx context.Context, update string, args ...any) ([]stale, error) {
	list, err := db.All[stale](ctx, s.pool, fmt.Sprintf(publish, update), args...)
	if err != nil || len(list) == 0 {
		return list, err
	}
	_, err = db.Exec(ctx, s.pool, `
		delete from revoked_sessions where session_id in (
			select session_id from revoked_sessions where expires_at < now() limit 100 for update skip locked)`)
	if err != nil {
		return nil, fmt.Errorf("forget old revocations: %w", err)
	}
	return list, nil
}

// Lookup returns what asks the database about one session, for [auth.RevocationsOptions].
func Lookup(pool *db.Pool) func(context.Context, uuid.UUID) (minGeneration int64, known bool, err error) {
	return func(ctx context.Context, id uuid.UUID) (int64, bool, error) { return lookup(ctx, pool, id) }
}

func lookup(ctx context.Context, pool *db.Pool, id uuid.UUID) (minGeneration int64, known bool, err error) {
	minGeneration, err = db.One[int64](ctx, pool, `select min_generation from revoked_sessions where session_id = $1`, id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("look up a revocation: %w", err)
	}
	return minGeneration, true, nil
}

// listed is a row of revoked_sessions.
type listed struct {
	SessionID     uuid.UUID `db:"session_id"`
	MinGeneration int64     `db:"min_generation"`
	Seconds       float64   `db:"seconds"` // that it is of use for
}

func (s store) revocations(ctx context.Context) ([]listed, error) {
	list, err := db.All[listed](ctx, s.pool, `
		select session_id, min_generation, extract(epoch from expires_at - now())::float8 as seconds
		from revoked_sessions where expires_at > now()`)
	if err != nil {
		return nil, fmt.Errorf("read the revocations: %w", err)
	}
	return list, nil
}
