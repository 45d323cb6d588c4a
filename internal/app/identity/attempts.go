package identity

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// verdict is what became of an attempt to log in.
type verdict int

const (
	unjudged verdict = iota // it counts for nothing
	wrong
	right
)

// String returns the word that [attempts.settle] compares with.
func (v verdict) String() string { return [...]string{"unjudged", "wrong", "right"}[v] }

// locks says what a failure has locked.
type locks struct{ account, address bool }

// attempts is the table login_failures. It has no tenant, and is compared with the clock of the database.
//
// An attempt takes up one of the failures that its account and its address have left, from before the password is looked at until
// it is known what became of it. So guesses in parallel are no more than those one after the other, and logins in parallel that
// are right wait for each other where there are more of them than may fail.
type attempts struct{ pool *db.Pool }

const (
	maxWait       = 5 * time.Second // until others have been judged
	firstPause    = 25 * time.Millisecond
	longestPause  = 400 * time.Millisecond
	settleTimeout = 5 * time.Second // for what is done also when the client has gone
)

// try has judge say what becomes of an attempt, and counts that. Where the address or the account is locked it is a
// RATE_LIMIT_EXCEEDED; the address comes first, so that one which is locked cannot lock accounts.
func (s attempts) try(
	ctx context.Context, email, remoteIP string, l Limits, judge func() (verdict, error),
) (v verdict, locked locks, err error) {
	address := counter{keyOf("address", network(remoteIP)), l.MaxFailuresPerAddress, l.Lockout, true}
	account := counter{keyOf("account", email), l.MaxFailures, l.Lockout, false}
	if err := s.await(ctx, address); err != nil {
		return v, locked, err
	}
	taken := []counter{address}
	defer func() { // also after a panic
		list, settling := s.settle(ctx, v, taken)
		locked = locks{address: list[0], account: list[1]}
		err = errors.Join(err, settling)
	}()
	if err := s.await(ctx, account); err != nil {
		return v, locked, err
	}
	taken = append(taken, account)
	v, err = judge()
	return v, locked, err
}

// counter is what counts the failures of an account or of an address.
type counter struct {
	key     []byte
	limit   int
	lockout time.Duration
	// windowed forgets failures as long after the first of them as a lock lasts. At an address people fail all day who have nothing
	// to do with each other, and their successes prove nothing. Otherwise failures count until one login succeeds, or there has
	// been no attempt for that long.
	windowed bool
}

// await takes up one of the failures that are left, and waits while others have all of them.
func (s attempts) await(ctx context.Context, c counter) error {
	deadline := time.Now().Add(maxWait)
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		taken, err := s.take(ctx, c)
		if err != nil || taken {
			return err
		}
		locked, err := s.lockedFor(ctx, c)
		switch {
		case err != nil:
			return err
		case locked > 0:
			return errors.RateLimited(locked)
		case time.Now().After(deadline):
			return errors.RateLimited(time.Second)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait to log in: %w", context.Cause(ctx))
		case <-time.After(pause):
		}
	}
}

// What take finds in a row: the failures are of the past, and so are the attempts that nobody has judged. Whoever made those has
// died with them.
const (
	past = `(f.locked_until is not null
		or case when $4::boolean then f.since else f.last_at end < now() - $3::float8 * interval '1 second')`
	abandoned = `(f.pending_since < now() - interval '1 minute')`
	failures  = `case when ` + past + ` then 0 else f.failures end`
	pending   = `case when ` + abandoned + ` then 0 else f.pending end`
)

// take is one statement. It is not given up with ctx, for nobody would give back what it took all the same.
func (s attempts) take(ctx context.Context, c counter) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, fmt.Errorf("count an attempt to log in: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	_, err := db.One[int](ctx, s.pool, `
		insert into login_failures as f (key, failures, pending, since, pending_since, last_at) values ($1, 0, 1, now(), now(), now())
		on conflict (key) do update set
			failures = `+failures+`, since = case when `+past+` then now() else f.since end,
			pending = `+pending+` + 1, pending_since = case when `+pending+` = 0 then now() else f.pending_since end,
			last_at = now(), locked_until = null
		where coalesce(f.locked_until <= now(), true) and (`+pending+` = 0 or `+failures+` + `+pending+` < $2::int)
		returning 1`, c.key, c.limit, c.lockout.Seconds(), c.windowed)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("count an attempt to log in: %w", err)
	}
	return true, nil
}

// lockedFor returns how long a counter is locked, at least a second, or zero.
func (s attempts) lockedFor(ctx context.Context, c counter) (time.Duration, error) {
	seconds, err := db.One[float64](ctx, s.pool, `
		select coalesce(max(greatest(extract(epoch from locked_until - now()), 1)), 0)::float8 from login_failures
		where key = $1 and locked_until > now()`, c.key)
	if err != nil {
		return 0, fmt.Errorf("read for how long a login is locked: %w", err)
	}
	return time.Duration(seconds * float64(time.Second)), nil
}
