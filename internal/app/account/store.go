package account

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// emailConstraint is the constraint that keeps emails unique.
const emailConstraint = "users_email_key"

const columns = `id, email, display_name, password_hash, created_in, email_verified_at is not null as verified`

// Store is the table users. It has no tenant: its methods run in any transaction, or none. It is safe for concurrent use.
type Store struct{ pool *db.Pool }

// NewStore returns a store over the pool.
func NewStore(pool *db.Pool) Store { return Store{pool} }

// Insert adds an account. An email that has one already is a RESOURCE_CONFLICT.
func (s Store) Insert(ctx context.Context, a Account) error {
	_, err := db.Exec(ctx, s.pool, `
		insert into users (id, email, display_name, password_hash, created_in) values ($1, $2, $3, $4, $5)`,
		a.ID, a.Email, a.DisplayName, a.PasswordHash, a.CreatedIn)
	switch {
	case db.Violated(err, emailConstraint):
		return errors.Wrap(err, errors.CodeConflict, "The email has an account already").With("field", "email")
	case err != nil:
		return fmt.Errorf("insert an account: %w", err)
	}
	return nil
}

// ByEmail returns the account of an email, sql.ErrNoRows where it has none.
func (s Store) ByEmail(ctx context.Context, email string) (Account, error) {
	a, err := db.One[Account](ctx, s.pool, `select `+columns+` from users where email = $1`, email)
	if err != nil {
		return a, fmt.Errorf("look up an account: %w", err)
	}
	return a, nil
}

// ByID returns an account; where there is none that is a RESOURCE_NOT_FOUND.
func (s Store) ByID(ctx context.Context, id uuid.UUID) (Account, error) {
	a, err := db.One[Account](ctx, s.pool, `select `+columns+` from users where id = $1`, id)
	return a, errors.NotFoundOr(err, "user", id)
}

// SetPasswordHash replaces the hash of a, and reports whether it has: not where the password has been changed meanwhile.
func (s Store) SetPasswordHash(ctx context.Context, a Account, hash string) (bool, error) {
	n, err := db.Exec(ctx, s.pool, `update users set password_hash = $3, updated_at = now() where id = $1 and password_hash = $2`,
		a.ID, a.PasswordHash, hash)
	if err != nil {
		return false, fmt.Errorf("replace a password hash: %w", err)
	}
	return n > 0, nil
}

// Unchanged reports whether a still has the password that it was read with, and keeps it so until the transaction ends.
func (s Store) Unchanged(ctx context.Context, a Account) (bool, error) {
	_, err := db.One[uuid.UUID](ctx, s.pool, `select id from users where id = $1 and password_hash = $2 for share`, a.ID, a.PasswordHash)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at a password again: %w", err)
	}
	return true, nil
}

// Verify notes that the email of an account is known to be that of its user. It returns the account's id, and whether that is new.
// Where there is no such account that is a RESOURCE_NOT_FOUND.
//
// Be sure that it is this account whose user has shown it: by a code that was mailed to them and entered while they were logged
// in. A link that whoever reads the mailbox can follow verifies the account of somebody else who took the email first.
func (s Store) Verify(ctx context.Context, email string) (id uuid.UUID, isNew bool, err error) {
	row, err := db.One[struct {
		ID    uuid.UUID `db:"id"`
		IsNew bool      `db:"is_new"`
	}](ctx, s.pool, `
		with before as (select id, email_verified_at from users where email = $1 for update)
		update users set email_verified_at = coalesce(users.email_verified_at, now()), updated_at = now() from before
		where users.id = before.id returning users.id, before.email_verified_at is null as is_new`, NormalEmail(email))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return id, false, errors.New(errors.CodeNotFound, "There is no account with this email")
	case err != nil:
		return id, false, fmt.Errorf("verify an account: %w", err)
	}
	return row.ID, row.IsNew, nil
}
