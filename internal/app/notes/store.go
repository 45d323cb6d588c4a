package notes

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"github.com/netrun-systems/go-service-template/internal/app/paging"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

const columns = "id, author_id, title, body, tags, version, created_at, updated_at"

// store reads and writes the table notes. Its methods run in a tenant transaction: row security
// separates the tenants, not the SQL.
type store struct{ pool *db.Pool }

func (s store) insert(ctx context.Context, id uuid.UUID, author auth.Principal, r CreateRequest) (Note, error) {
	n, err := db.One[Note](ctx, s.pool, `
		insert into notes (id, tenant_id, author_id, title, body, tags) values ($1, $2, $3, $4, $5, $6)
		returning `+columns, id, author.TenantID, author.UserID, r.Title, r.Body, pq.StringArray(r.Tags))
	if err != nil {
		return n, fmt.Errorf("insert a note: %w", err)
	}
	return n, nil
}

func (s store) get(ctx context.Context, id uuid.UUID) (Note, error) {
	n, err := db.ReadOne[Note](ctx, s.pool, `select `+columns+` from notes where id = $1`, id)
	return n, errors.NotFoundOr(err, "note", id)
}

// lock locks a note until the transaction ends and returns its version.
func (s store) lock(ctx context.Context, id uuid.UUID) (version int64, err error) {
	version, err = db.One[int64](ctx, s.pool, `select version from notes where id = $1 for update`, id)
	return version, errors.NotFoundOr(err, "note", id)
}

func (s store) update(ctx context.Context, id uuid.UUID, r UpdateRequest) (Note, error) {
	n, err := db.One[Note](ctx, s.pool, `
		update notes set title = coalesce($2, title), body = coalesce($3, body), tags = coalesce($4, tags),
			version = version + 1, updated_at = now()
		where id = $1
		returning `+columns, id, r.Title, r.Body, (*pq.StringArray)(r.Tags))
	return n, errors.NotFoundOr(err, "note", id)
}

func (s store) delete(ctx context.Context, id uuid.UUID) error {
	if _, err := db.Exec(ctx, s.pool, `delete from notes where id = $1`, id); err != nil {
		return fmt.Errorf("delete a note: %w", err)
	}
	return nil
}

// list returns at most limit notes after a position, newest first. Under row security an index is
// used for none of the filters, so that notes_matching finds the notes. It knows the tenant, and the
// row security of notes applies to what it returns.
func (s store) list(ctx context.Context, f Filter, after paging.Position, limit int) ([]Note, error) {
	var where db.Conditions
	source := "notes"
	switch {
	case f != Filter{}:
		before, id := &after.Time, &after.ID
		if after.IsZero() {
			before, id = nil, nil
		}
		// The subselect is executed for each id. A join could read all notes of the tenant instead.
		source = fmt.Sprintf(`notes_matching(nullif(%s, ''), nullif(%s, ''), %s, %s, %s) as m (note_id)
			cross join lateral (select * from notes where id = m.note_id offset 0) n`,
			where.Arg(f.Query), where.Arg(f.Tag), where.Arg(before), where.Arg(id), where.Arg(limit))
	case !after.IsZero():
		where.And("(created_at, id) < (?, ?)", after.Time, after.ID)
	}
	query := `select ` + columns + ` from ` + source + where.SQL() + ` order by created_at desc, id desc limit ` +
		where.Arg(limit)
	notes, err := db.ReadAll[Note](ctx, s.pool, query, where.Args()...)
	if err != nil {
		return nil, fmt.Errorf("list notes: %w", err)
	}
	return notes, nil
}
