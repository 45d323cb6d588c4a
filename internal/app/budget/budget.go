// Package budget keeps in PostgreSQL what each tenant spends on language models, exact to a millionth
// of a dollar for all replicas together. It implements the ledger of package llm.
//
// A reservation is added to the day of the tenant in one statement that checks the limit, so the row
// of that day is locked for one round trip. The reservation of a replica that dies stays until
// package retention releases it, an hour later.
package budget // part:llm file

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/llm"
)

// Ledger is an [llm.Ledger] in a database. Both methods act for the tenant of ctx.
type Ledger struct{ pool *db.Pool }

// NewLedger returns a ledger on pool.
func NewLedger(pool *db.Pool) *Ledger { return &Ledger{pool} }

// Reserve implements [llm.Ledger].
func (l *Ledger) Reserve(ctx context.Context, amount, limit llm.Cost) (uuid.UUID, error) {
	id := db.NewID()
	n, err := db.InTenant(ctx, l.pool, func(ctx context.Context) (int64, error) {
		return db.Exec(ctx, l.pool, `
		with day as (
			insert into llm_spending as s (day, reserved)
				select (now() at time zone 'utc')::date, $2::bigint where $3::bigint = 0 or $2::bigint <= $3::bigint
			on conflict (tenant_id, day) do update set reserved = s.reserved + excluded.reserved
				where $3::bigint = 0 or s.spent + s.reserved + excluded.reserved <= $3::bigint
			returning day
		)
		insert into llm_reservations (id, day, amount) select $1, day, $2 from day`, id, int64(amount), int64(limit))
	})
	if err != nil {
		return id, fmt.Errorf("reserve a part of the budget: %w", err)
	}
	if n == 0 {
		return id, llm.ErrBudget
	}
	return id, nil
}

// Settle implements [llm.Ledger]. What was spent counts for the day of the reservation, or for today
// if the reservation has been released.
func (l *Ledger) Settle(ctx context.Context, id uuid.UUID, actual llm.Cost) error {
	return l.pool.InTenant(ctx, func(ctx context.Context) error {
		n, err := db.Exec(ctx, l.pool, `
			with reservation as (
				update llm_reservations set settled = true where id = $1 and not settled returning day, amount
			)
			update llm_spending s set spent = s.spent + $2, reserved = s.reserved - r.amount
			from reservation r where s.day = r.day`, id, int64(actual))
		if err == nil && n == 0 {
			_, err = db.Exec(ctx, l.pool, `
				insert into llm_spending as s (day, spent) select (now() at time zone 'utc')::date, $2::bigint
					where not exists (select from llm_reservations where id = $1)
				on conflict (tenant_id, day) do update set spent = s.spent + excluded.spent`, id, int64(actual))
		}
		if err != nil {
			return fmt.Errorf("settle a reservation of the budget: %w", err)
		}
		return nil
	})
}
