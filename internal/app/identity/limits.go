package identity

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"net/netip"
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// Limits says how often a login may fail.
type Limits struct {
	MaxFailures           int           `env:"AUTH_MAX_FAILURES" env-default:"5" env-live:"true" env-rule:"range=1..100" env-description:"failed logins in a row after which an account is locked"`
	MaxFailuresPerAddress int           `env:"AUTH_MAX_FAILURES_PER_ADDRESS" env-default:"50" env-live:"true" env-rule:"range=1..10000" env-description:"failed logins after which an address is locked"`
	Lockout               time.Duration `env:"AUTH_LOCKOUT" env-default:"15m" env-live:"true" env-rule:"range=1s..24h" env-description:"how long an account or an address stays locked"`
}

// attempt is one try to log in, counted against an account and an address before the password is looked at, so that guesses
// in parallel are no more than those one after the other. It counts as failed until [attempts.succeeded] says otherwise.
type attempt struct {
	account, address         []byte // keys
	accountLast, addressLast bool   // it was the last one: if it fails, the account or the address is locked
	limits                   Limits
}

// attempts is the table login_failures. It has no tenant, and is compared with the clock of the database.
type attempts struct{ pool *db.Pool }

// keyOf hashes what is counted. An email is normalised before; of an IPv6 address the network counts, since whoever has one
// address has 2^64.
func keyOf(kind, value string) []byte {
	sum := sha256.Sum256([]byte(kind + "\x00" + value))
	return sum[:]
}

func network(remoteIP string) string {
	addr, err := netip.ParseAddr(remoteIP)
	if err != nil || addr.Unmap().Is4() {
		return remoteIP
	}
	prefix, err := addr.WithZone("").Prefix(64)
	if err != nil {
		return remoteIP
	}
	return prefix.String()
}

// begin counts an attempt. Where the address or the account is locked it is a RATE_LIMIT_EXCEEDED; the address comes first, so
// that one which is locked cannot lock accounts.
func (s attempts) begin(ctx context.Context, email, remoteIP string, l Limits) (a attempt, err error) {
	a = attempt{account: keyOf("account", email), address: keyOf("address", network(remoteIP)), limits: l}
	if a.addressLast, err = s.count(ctx, a.address, l.MaxFailuresPerAddress, l.Lockout); err != nil {
		return a, err
	}
	a.accountLast, err = s.count(ctx, a.account, l.MaxFailures, l.Lockout)
	return a, err
}

// count adds one in one statement, unless the key is locked. It begins anew where a lock has run out, and where nothing has
// failed for as long as a lock lasts.
func (s attempts) count(ctx context.Context, key []byte, limit int, lockout time.Duration) (last bool, err error) {
	last, err = db.One[bool](ctx, s.pool, `
		insert into login_failures as f (key, failures, first_at, last_at, locked_until)
		values ($1, 1, now(), now(), case when $2::int <= 1 then now() + $3::float8 * interval '1 second' end)
		on conflict (key) do update set (failures, first_at, last_at, locked_until) = (
			select n, case when n = 1 then now() else f.first_at end, now(),
				case when n >= $2::int then now() + $3::float8 * interval '1 second' end
			from (select case when f.locked_until is not null or f.last_at < now() - $3::float8 * interval '1 second'
				then 1 else f.failures + 1 end as n) next)
		where f.locked_until is null or f.locked_until <= now()
		returning locked_until is not null`, key, limit, lockout.Seconds())
	if errors.Is(err, sql.ErrNoRows) {
		return false, s.locked(ctx, key)
	}
	if err != nil {
		return false, fmt.Errorf("count an attempt to log in: %w", err)
	}
	return last, nil
}

// locked returns the refusal of a key that is locked.
func (s attempts) locked(ctx context.Context, key []byte) error {
	seconds, err := db.One[float64](ctx, s.pool, `
		select coalesce(max(greatest(extract(epoch from locked_until - now()), 1)), 1)::float8 from login_failures where key = $1`, key)
	if err != nil {
		return fmt.Errorf("read for how long a login is locked: %w", err)
	}
	return errors.RateLimited(time.Duration(seconds * float64(time.Second)))
}

// succeeded takes the attempt back: the account begins anew, the address has one failure less, so that a success of one's own
// does not buy guesses at others.
func (s attempts) succeeded(ctx context.Context, a attempt) error {
	return s.takeBack(ctx, a, `with gone as (delete from login_failures where key = $1)`, a.account)
}

// forgive takes an attempt back that was not judged, because the service was too busy to.
func (s attempts) forgive(ctx context.Context, a attempt) error {
	return s.takeBack(ctx, a, `with less as (update login_failures set failures = greatest(failures - 1, 0),
		locked_until = case when failures > $4::int then locked_until end where key = $1)`, a.account, a.limits.MaxFailures)
}

func (s attempts) takeBack(ctx context.Context, a attempt, account string, args ...any) error {
	args = append([]any{args[0], a.address, a.limits.MaxFailuresPerAddress}, args[1:]...)
	_, err := db.Exec(ctx, s.pool, account+`
		update login_failures set failures = greatest(failures - 1, 0), locked_until = case when failures > $3::int then locked_until end
		where key = $2`, args...)
	if err != nil {
		return fmt.Errorf("take back an attempt to log in: %w", err)
	}
	return nil
}

// forget drops what no limit looks at any more, some at a time. A lock lasts for a day at most.
func (s attempts) forget(ctx context.Context) error {
	_, err := db.Exec(ctx, s.pool, `
		delete from login_failures where key in (
			select key from login_failures where last_at < now() - interval '1 day' order by last_at limit 100 for update skip locked)`)
	if err != nil {
		return fmt.Errorf("forget old attempts to log in: %w", err)
	}
	return nil
}
