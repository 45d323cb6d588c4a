package notes

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

const columns = "id, author_id, title, body, tags, version, created_at, updated_at"

// store is the notes table. Its methods run in a tenant transaction; row security, not their SQL, keeps tenants apart.
type store struct{ pool *db.Pool }

func (s store) insert(ctx context.Context, id, tenant, author uuid.UUID, d Draft) (Note, error) {
	n, err := db.One[Note](ctx, s.pool, `
		insert into notes (id, tenant_id, author_id, title, body, tags) values ($1, $2, $3, $4, $5, $6)
		returning `+columns, id, tenant, author, d.Title, d.Body, pq.StringArray(d.Tags))
	if err != nil {
		return n, fmt.Errorf("insert a note: %w", err)
	}
	return n, nil
}

func (s store) get(ctx context.Context, id uuid.UUID) (Note, error) {
	n, err := db.One[Note](ctx, s.pool, `select `+columns+` from notes where id = $1`, id)
	return n, errors.NotFoundOr(err, "note", id)
}

// lock is get, and keeps others from changing the note until the transaction ends.
func (s store) lock(ctx context.Context, id uuid.UUID) (Note, error) {
	n, err := db.One[Note](ctx, s.pool, `select `+columns+` from notes where id = $1 for update`, id)
	return n, errors.NotFoundOr(err, "note", id)
}

func (s store) update(ctx context.Context, id uuid.UUID, c Changes) (Note, error) {
	var tags any
	if c.Tags != nil {
		tags = pq.StringArray(*c.Tags)
	}
	n, err := db.One[Note](ctx, s.pool, `
		update notes set title = coalesce($2, title), body = coalesce($3, body), tags = coalesce($4, tags),
			version = version + 1, updated_at = now()
		where id = $1
		returning `+columns, id, c.Title, c.Body, tags)
	return n, errors.NotFoundOr(err, "note", id)
}

func (s store) delete(ctx context.Context, id uuid.UUID) error {
	n, err := db.Exec(ctx, s.pool, `delete from notes where id = $1`, id)
	if err == nil && n == 0 {
		return errors.NotFound("note", id)
	}
	return err
}

// Filter narrows a list. Empty strings do not.
type Filter struct {
	Query string // words that title or body must contain, in the syntax of websearch_to_tsquery
	Tag   string
}

// list returns at most limit notes older than before, newest first. Ids are UUIDv7, so their order is that of creation.
func (s store) list(ctx context.Context, f Filter, before uuid.UUID, limit int) ([]Note, error) {
	var where db.Conditions
	if before != uuid.Nil {
		where.And("id < ?", before)
	}
	if f.Query != "" {
		where.And("search @@ websearch_to_tsquery('simple', ?)", f.Query)
	}
	if f.Tag != "" {
		where.And("tags @> array[?]::text[]", f.Tag)
	}
	query := `select ` + columns + ` from notes` + where.SQL() + ` order by id desc limit ` + where.Arg(limit)
	notes, err := db.All[Note](ctx, s.pool, query, where.Args()...)
	if err != nil {
		return nil, fmt.Errorf("list notes: %w", err)
	}
	return notes, nil
}
