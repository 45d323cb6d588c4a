package invoices

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/app/paging"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

const columns = "id, number, customer, amount, currency, due_date::text, status, version, created_at, updated_at"

// store reads and writes the table invoices. Its methods run in a tenant transaction: row security
// separates the tenants, not the SQL.
type store struct{ pool *db.Pool }

func (s store) insert(ctx context.Context, id, tenant uuid.UUID, r CreateRequest) (Invoice, error) {
	i, err := db.One[Invoice](ctx, s.pool, `
		insert into invoices (id, tenant_id, number, customer, amount, currency, due_date) values ($1, $2, $3, $4, $5, $6, $7)
		returning `+columns, id, tenant, r.Number, r.Customer, r.Amount, r.Currency, r.DueDate)
	if db.Violated(err, "invoices_tenant_id_number_key") {
		return i, errors.Wrap(err, errors.CodeConflict, "There is an invoice with this number").With("field", "number")
	}
	if err != nil {
		return i, fmt.Errorf("insert an invoice: %w", err)
	}
	return i, nil
}

func (s store) get(ctx context.Context, id uuid.UUID) (Invoice, error) {
	i, err := db.One[Invoice](ctx, s.pool, `select `+columns+` from invoices where id = $1`, id)
	return i, errors.NotFoundOr(err, "invoice", id)
}

// lock is like get, and locks the row against changes until the transaction ends.
func (s store) lock(ctx context.Context, id uuid.UUID) (Invoice, error) {
	i, err := db.One[Invoice](ctx, s.pool, `select `+columns+` from invoices where id = $1 for update`, id)
	return i, errors.NotFoundOr(err, "invoice", id)
}

func (s store) update(ctx context.Context, id uuid.UUID, r UpdateRequest) (Invoice, error) {
	i, err := db.One[Invoice](ctx, s.pool, `
		update invoices set customer = coalesce($2, customer), amount = coalesce($3, amount),
			due_date = coalesce($4, due_date), status = coalesce($5, status), version = version + 1, updated_at = now()
		where id = $1
		returning `+columns, id, r.Customer, r.Amount, r.DueDate, r.Status)
	return i, errors.NotFoundOr(err, "invoice", id)
}

func (s store) delete(ctx context.Context, id uuid.UUID) error {
	if _, err := db.Exec(ctx, s.pool, `delete from invoices where id = $1`, id); err != nil {
		return fmt.Errorf("delete an invoice: %w", err)
	}
	return nil
}

// list returns at most limit invoices after a position, newest first.
func (s store) list(ctx context.Context, f Filter, after paging.Position, limit int) ([]Invoice, error) {
	var where db.Conditions
	if !after.IsZero() {
		where.And("(created_at, id) < (?, ?)", after.Time, after.ID)
	}
	if f.Status != "" {
		where.And("status = ?", f.Status)
	}
	if f.Currency != "" {
		where.And("currency = ?", f.Currency)
	}
	if f.Customer != "" {
		where.And("customer = ?", f.Customer)
	}
	query := `select ` + columns + ` from invoices` + where.SQL() +
		` order by created_at desc, id desc limit ` + where.Arg(limit)
	invoices, err := db.All[Invoice](ctx, s.pool, query, where.Args()...)
	if err != nil {
		return nil, fmt.Errorf("list invoices: %w", err)
	}
	return invoices, nil
}
