package identity

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/server"
)

// Limits are the settings for failed logins.
type Limits struct {
	MaxFailures           int           `env:"AUTH_MAX_FAILURES" env-default:"5" env-live:"true" env-rule:"range=1..100" env-description:"consecutive failed logins that lock an account"`
	MaxFailuresPerAddress int           `env:"AUTH_MAX_FAILURES_PER_ADDRESS" env-default:"50" env-live:"true" env-rule:"range=1..10000" env-description:"failed logins that lock a client address"`
	Lockout               time.Duration `env:"AUTH_LOCKOUT" env-default:"15m" env-live:"true" env-rule:"range=1s..24h" env-description:"duration of a lockout"`
}

const (
	maxWait  = 5 * time.Second // for other attempts on the same counter
	minPause = 25 * time.Millisecond
	maxPause = 400 * time.Millisecond
)

// detach returns a context for statements that must run although the client has disconnected.
func detach(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
}

// counter counts the failed logins of an account or of an address.
//
// An account's failures count until a login succeeds or there was no attempt for the length of a
// lockout. An address's failures count for the length of a lockout after the first one: unrelated
// users share an address, so some of them fail all day, and the success of one proves nothing about
// the others.
type counter struct {
	kind    string // account or address
	key     []byte // a hash, so that the table holds no emails
	limit   int
	lockout time.Duration
}

func newCounter(kind, value string, limit int, lockout time.Duration) counter {
	key := sha256.Sum256([]byte(kind + "\x00" + value))
	return counter{kind, key[:], limit, lockout}
}

// from returns the counter of an account for attempts from one place, a network or a session, that
// belongs to the user. It is apart from the counter for all other places, so that nobody else can
// lock the user out there.
func (c counter) from(place counter) counter {
	key := sha256.Sum256(append(slices.Clone(c.key), place.key...))
	c.key = key[:]
	return c
}

// lockout keeps the counters in the table login_failures, which has no tenant. Times are compared
// by the database's clock.
//
// An attempt reserves one of the remaining failures of its account and its address before the
// password is checked, and releases it afterwards. So parallel guesses are limited like sequential
// ones. When there are more parallel logins than remaining failures, they wait for each other.
//
// A login remembers its network for the account. Attempts from such a network, and those of a session
// of the account, have a counter of their own: failures elsewhere do not lock the user out.
type lockout struct{ pool *db.Pool }

// attempt runs check, which reports whether the password is right, and counts the result, unless
// check fails or panics. It returns the kinds of the counters that the attempt has locked.
//
// If the address or the account is locked already, check is not run and the error is
// RATE_LIMIT_EXCEEDED. The address is tested first, so that a locked address cannot lock accounts.
//
// The session is that of the request, or zero for a login.
func (l lockout) attempt(
	ctx context.Context, email string, session uuid.UUID, limits Limits, check func() (bool, error),
) (ok bool, locked []string, err error) {
	account, address := countersOf(ctx, email, limits)
	if err := l.reserve(ctx, address); err != nil {
		return false, nil, err
	}
	reserved := []counter{address}
	var success sql.NullBool // null: the password was not checked
	defer func() {           // also after a panic
		var releaseErr error
		locked, releaseErr = l.release(ctx, success, reserved)
		err = errors.Join(err, releaseErr)
	}()
	counted := account
	if session != uuid.Nil {
		counted = account.from(newCounter("session", session.String(), 0, 0))
	} else if known, err := l.known(ctx, account, address); err != nil {
		return false, nil, err
	} else if known {
		counted = account.from(address)
	}
	if err := l.reserve(ctx, counted); err != nil {
		return false, nil, err
	}
	reserved = append(reserved, counted)
	ok, err = check()
	success = sql.NullBool{Bool: ok, Valid: err == nil}
	if ok && err == nil && session == uuid.Nil {
		err = l.remember(ctx, account, address)
	}
	return ok, nil, err
}

// countersOf returns the counters of an account and of the network of the client.
func countersOf(ctx context.Context, email string, limits Limits) (account, address counter) {
	network := auth.Network(server.ClientFrom(ctx).RemoteIP).String()
	return newCounter("account", email, limits.MaxFailures, limits.Lockout),
		newCounter("address", network, limits.MaxFailuresPerAddress, limits.Lockout)
}

// known reports whether the account has logged in from the network.
func (l lockout) known(ctx context.Context, account, network counter) (bool, error) {
	known, err := db.One[bool](ctx, l.pool, `
		select exists (select from login_addresses where account = $1 and network = $2)`, account.key, network.key)
	if err != nil {
		return false, fmt.Errorf("look up a network of an account: %w", err)
	}
	return known, nil
}

// remember records that the account has logged in from the network, at most once a day.
func (l lockout) remember(ctx context.Context, account, network counter) error {
	_, err := db.Exec(ctx, l.pool, `
		insert into login_addresses as a (account, network) values ($1, $2)
		on conflict (account, network) do update set last_at = now() where a.last_at < now() - interval '1 day'`,
		account.key, network.key)
	if err != nil {
		return fmt.Errorf("remember a network of an account: %w", err)
	}
	return nil
}

// reserve reserves one of the remaining failures of a counter. It waits while other attempts have
// reserved all of them.
func (l lockout) reserve(ctx context.Context, c counter) error {
	deadline := time.Now().Add(maxWait)
	for pause := minPause; ; pause = min(2*pause, maxPause) {
		reserved, err := l.tryReserve(ctx, c)
		if err != nil || reserved {
			return err
		}
		lockedFor, err := l.lockedFor(ctx, c)
		switch {
		case err != nil:
			return err
		case lockedFor > 0:
			return errors.RateLimited(lockedFor)
		case time.Now().After(deadline):
			return errors.RateLimited(time.Second)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for other login attempts: %w", context.Cause(ctx))
		case <-time.After(pause):
		}
	}
}

// The state of a row as tryReserve reads it: failures that are too old do not count, nor do
// reservations that were not released within a minute, because the process has died.
const (
	outdated = `(f.locked_until is not null
		or case when $4::boolean then f.since else f.last_at end < now() - $3::float8 * interval '1 second')`
	abandoned = `(f.pending_since < now() - interval '1 minute')`
	failures  = `case when ` + outdated + ` then 0 else f.failures end`
	pending   = `case when ` + abandoned + ` then 0 else f.pending end`
)

// tryReserve reserves a failure if there is one left and the counter is not locked. Once begun, the
// statement is not canceled with ctx, because the caller would not know whether there is a
// reservation to release.
func (l lockout) tryReserve(ctx context.Context, c counter) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, fmt.Errorf("reserve a login attempt: %w", err)
	}
	ctx, cancel := detach(ctx)
	defer cancel()
	n, err := db.Exec(ctx, l.pool, `
		insert into login_failures as f (key, failures, pending, since, pending_since, last_at)
		values ($1, 0, 1, now(), now(), now())
		on conflict (key) do update set
			failures = `+failures+`, since = case when `+outdated+` then now() else f.since end,
			pending = `+pending+` + 1, pending_since = case when `+pending+` = 0 then now() else f.pending_since end,
			last_at = now(), locked_until = null
		where coalesce(f.locked_until <= now(), true) and (`+pending+` = 0 or `+failures+` + `+pending+` < $2::int)`,
		c.key, c.limit, c.lockout.Seconds(), c.kind == "address")
	if err != nil {
		return false, fmt.Errorf("reserve a login attempt: %w", err)
	}
	return n == 1, nil
}

// lockedFor returns the remaining time of a lock, at least a second, or zero without a lock.
func (l lockout) lockedFor(ctx context.Context, c counter) (time.Duration, error) {
	seconds, err := db.One[float64](ctx, l.pool, `
		select coalesce(max(greatest(extract(epoch from locked_until - now()), 1)), 0)::float8 from login_failures
		where key = $1 and locked_until > now()`, c.key)
	if err != nil {
		return 0, fmt.Errorf("read the remaining time of a lock: %w", err)
	}
	return time.Duration(seconds * float64(time.Second)), nil
}

// places selects the keys of the counters of account $1 that a login may use: the one of unknown
// networks and those of the networks from which it has logged in; see [counter.from].
const places = `select $1::bytea union all select sha256(account || network) from login_addresses where account = $1`

// lockedUntil returns the end of the longest lock of logins of an account, or nil without a lock.
func (l lockout) lockedUntil(ctx context.Context, account counter) (*time.Time, error) {
	until, err := db.One[*time.Time](ctx, l.pool, `
		select max(locked_until) from login_failures where key in (`+places+`) and locked_until > now()`, account.key)
	if err != nil {
		return nil, fmt.Errorf("read the locks of an account: %w", err)
	}
	return until, nil
}

// unlock forgets the failed logins of an account, but not those of the client addresses.
func (l lockout) unlock(ctx context.Context, account counter) error {
	_, err := db.Exec(ctx, l.pool, `delete from login_failures where key in (`+places+`)`, account.key)
	if err != nil {
		return fmt.Errorf("unlock an account: %w", err)
	}
	return nil
}

// forget removes all that is known about the logins of an account.
func (l lockout) forget(ctx context.Context, account counter) error {
	if err := l.unlock(ctx, account); err != nil {
		return err
	}
	if _, err := db.Exec(ctx, l.pool, `delete from login_addresses where account = $1`, account.key); err != nil {
		return fmt.Errorf("forget the networks of an account: %w", err)
	}
	return nil
}

// release ends the reservations of an attempt and returns the kinds of the counters that it has
// locked. A failure counts for both. A success resets the account only, so that attackers gain no
// guesses by logging in to an account of their own. Null counts for nothing.
//
// Rows are locked in the order of their keys to avoid deadlocks.
func (l lockout) release(ctx context.Context, success sql.NullBool, reserved []counter) (locked []string, err error) {
	ctx, cancel := detach(ctx)
	defer cancel()
	var (
		keys   pq.ByteaArray
		limits pq.Int64Array
		kinds  pq.StringArray
	)
	for _, c := range reserved {
		keys, limits, kinds = append(keys, c.key), append(limits, int64(c.limit)), append(kinds, c.kind)
	}
	locked, err = db.All[string](ctx, l.pool, `
		with counters as (
			select f.key, max_failures, kind from login_failures f
				join unnest($1::bytea[], $2::bigint[], $3::text[]) as c (key, max_failures, kind) using (key)
			order by f.key for update of f
		), updated as (
			update login_failures f set pending = greatest(f.pending - 1, 0), last_at = now(),
				failures = case when not $4::boolean then f.failures + 1 when $4 and kind = 'account' then 0 else f.failures end,
				locked_until = case when not $4 and f.failures + 1 >= max_failures
					then now() + $5::float8 * interval '1 second' else f.locked_until end
			from counters where f.key = counters.key
			returning kind, not $4 and f.failures >= max_failures as locked
		)
		select kind from updated where locked order by kind`,
		keys, limits, kinds, success, reserved[0].lockout.Seconds())
	if err != nil {
		return nil, fmt.Errorf("release a login attempt: %w", err)
	}
	return locked, nil
}
