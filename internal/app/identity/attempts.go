package identity

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// attempt is one try to log in. It takes up a place among the failures that its account and its address have left, from before
// the password is looked at until it is known what became of it. So guesses in parallel are no more than those one after the
// other, and logins in parallel that are right wait for each other where there are more of them than may fail.
type attempt struct {
	account, address []byte // keys
	limits           Limits
}

// verdict is what became of an attempt.
type verdict int

const (
	unjudged verdict = iota // it counts for nothing
	wrong
	right
)

// attempts is the table login_failures. It has no tenant, and is compared with the clock of the database.
type attempts struct{ pool *db.Pool }

const (
	maxWait       = 5 * time.Second // for a place
	firstPause    = 25 * time.Millisecond
	longestPause  = 400 * time.Millisecond
	settleTimeout = 5 * time.Second
)

// begin takes up the places. Where the address or the account is locked it is a RATE_LIMIT_EXCEEDED; the address comes first, so
// that one which is locked cannot lock accounts.
func (s attempts) begin(ctx context.Context, email, remoteIP string, l Limits) (attempt, error) {
	a := attempt{account: keyOf("account", email), address: keyOf("address", network(remoteIP)), limits: l}
	if err := s.await(ctx, place{a.address, l.MaxFailuresPerAddress, l.Lockout, inAll}); err != nil {
		return a, err
	}
	if err := s.await(ctx, place{a.account, l.MaxFailures, l.Lockout, inARow}); err != nil {
		_, settling := s.settle(ctx, attempt{address: a.address, limits: l}, unjudged)
		return a, errors.Join(err, settling)
	}
	return a, nil
}

// place is one of those that a key has.
type place struct {
	key     []byte
	limit   int
	lockout time.Duration
	count   count
}

// count says which failures count. Those of an account do until one login succeeds, or nothing has failed for as long as a lock
// lasts. At an address people fail all day who have nothing to do with each other, and their successes prove nothing: there
// those of one such period count.
type count bool

const (
	inARow count = false
	inAll  count = true
)

// await takes up a place of a key, and waits while others have all that are left.
func (s attempts) await(ctx context.Context, p place) error {
	deadline := time.Now().Add(maxWait)
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		taken, err := s.take(ctx, p)
		if err != nil || taken {
			return err
		}
		locked, err := s.lockedFor(ctx, p.key)
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

// take is one statement. It begins anew where a lock has run out and where the failures are of the past. Who has had a place for
// a minute has died with it.
func (s attempts) take(ctx context.Context, p place) (bool, error) {
	_, err := db.One[int](ctx, s.pool, `
		insert into login_failures as f (key, failures, pending, since, last_at) values ($1, 0, 1, now(), now())
		on conflict (key) do update set (failures, since, pending, last_at, locked_until) = (
			select case when anew then 0 else f.failures end, case when anew then now() else f.since end,
				case when f.last_at < now() - interval '1 minute' then 1 else f.pending + 1 end, now(), null::timestamptz
			from (select f.locked_until is not null or case when $4::boolean then f.since else f.last_at end
				< now() - $3::float8 * interval '1 second' as anew) as _)
		where coalesce(f.locked_until <= now(), true)
			and (f.pending = 0 or f.failures + f.pending < $2::int or f.last_at < now() - interval '1 minute')
		returning 1`, p.key, p.limit, p.lockout.Seconds(), bool(p.count))
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("count an attempt to log in: %w", err)
	}
	return true, nil
}

// lockedFor returns how long a key is locked, at least a second, or zero.
func (s attempts) lockedFor(ctx context.Context, key []byte) (time.Duration, error) {
	seconds, err := db.One[float64](ctx, s.pool, `
		select coalesce(max(greatest(extract(epoch from locked_until - now()), 1)), 0)::float8 from login_failures
		where key = $1 and locked_until > now()`, key)
	if err != nil {
		return 0, fmt.Errorf("read for how long a login is locked: %w", err)
	}
	return time.Duration(seconds * float64(time.Second)), nil
}

// locks says what a failure has locked.
type locks struct{ account, address bool }

// settle gives the places back, also where the client has gone. A wrong password is a failure of the account and of the address;
// a right one lets the account begin anew, and not the address, so that a success of one's own buys no guesses at others. In
// passing it drops some of what no limit looks at any more: a lock lasts for a day at most.
func (s attempts) settle(ctx context.Context, a attempt, v verdict) (l locks, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	rows, err := db.All[struct {
		Account bool `db:"account"`
		Locked  bool `db:"locked"`
	}](ctx, s.pool, `
		with mine as (
			select key, coalesce(key = $1, false) as account, case when key = $1 then $4::int else $5::int end as most
			from login_failures where key in ($1, $2) order by key for update
		), forgotten as (
			delete from login_failures where key in (
				select key from login_failures where last_at < now() - interval '1 day' order by last_at limit 100 for update skip locked)
		)
		update login_failures f set pending = greatest(f.pending - 1, 0), last_at = now(),
			failures = case when $3 = 'wrong' then f.failures + 1 when $3 = 'right' and mine.account then 0 else f.failures end,
			locked_until = case when $3 = 'wrong' and f.failures + 1 >= mine.most then now() + $6::float8 * interval '1 second'
				else f.locked_until end
		from mine where f.key = mine.key
		returning mine.account, $3 = 'wrong' and f.failures >= mine.most as locked`,
		a.account, a.address, v.String(), a.limits.MaxFailures, a.limits.MaxFailuresPerAddress, a.limits.Lockout.Seconds())
	if err != nil {
		return l, fmt.Errorf("settle an attempt to log in: %w", err)
	}
	for _, row := range rows {
		if row.Account {
			l.account = row.Locked
		} else {
			l.address = row.Locked
		}
	}
	return l, nil
}

// String returns the word that settle compares with.
func (v verdict) String() string { return [...]string{"unjudged", "wrong", "right"}[v] }
