package identity

import (
	"context"
	"fmt"

	"github.com/lib/pq"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
)

// settle gives back what the counters of an attempt have taken, also where the client has gone, and says which of the two it has
// locked, in their order. A wrong password is a failure of both; a right one lets the account begin anew, and not the address,
// so that a success of one's own buys no guesses at others.
//
// Rows are locked in the order of their keys, so that nobody waits in a circle. In passing it drops some of what no limit looks
// at any more: a lock lasts for a day at most.
func (s attempts) settle(ctx context.Context, v verdict, taken []counter) (locked [2]bool, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	var (
		keys   pq.ByteaArray
		limits pq.Int64Array
		anew   pq.BoolArray
	)
	for _, c := range taken {
		keys, limits, anew = append(keys, c.key), append(limits, int64(c.limit)), append(anew, !c.windowed)
	}
	list, err := db.All[struct {
		N      int  `db:"n"`
		Locked bool `db:"locked"`
	}](ctx, s.pool, `
		with mine as (
			select f.key, most, anew, n from login_failures f
				join unnest($1::bytea[], $2::bigint[], $3::boolean[]) with ordinality as t (key, most, anew, n) using (key)
			order by f.key for update of f
		), forgotten as (
			delete from login_failures where key in (
				select key from login_failures where last_at < now() - interval '1 day' order by last_at limit 100 for update skip locked)
		)
		update login_failures f set pending = greatest(f.pending - 1, 0), last_at = now(),
			failures = case when $4 = 'wrong' then f.failures + 1 when $4 = 'right' and anew then 0 else f.failures end,
			locked_until = case when $4 = 'wrong' and f.failures + 1 >= most then now() + $5::float8 * interval '1 second'
				else f.locked_until end
		from mine where f.key = mine.key
		returning n, $4 = 'wrong' and f.failures >= most as locked`,
		keys, limits, anew, v.String(), taken[0].lockout.Seconds())
	if err != nil {
		return locked, fmt.Errorf("settle an attempt to log in: %w", err)
	}
	for _, row := range list {
		locked[row.N-1] = row.Locked
	}
	return locked, nil
}
