// Package account holds the user accounts. An account is identified by its email across all
// tenants; package members links accounts to tenants.
//
// # Email ownership
//
// Registering an account, or adding a member, does not prove ownership of the email: anybody can
// enter somebody else's email with a password of their own. So an account is trusted only in the
// tenant that created it until [Store.Verify] has marked its email as verified. Otherwise the first
// person to register an email would get into every tenant that adds it. The service sends no mail:
// verify accounts in a flow that you add, or with the command `api user verify`.
//
// # Deletion
//
// Rows of tenants, such as an audit entry or a note, refer to their author for as long as they are
// kept. So a deleted account keeps its row and its id, and [Store.Erase] removes everything else.
package account

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/server/request"
)

const maxDisplayName = 100 // characters

// Account is a user account.
type Account struct {
	ID          uuid.UUID     `json:"id" db:"id"`
	Email       string        `json:"email" db:"email"` // normalized by [NormalEmail]
	DisplayName string        `json:"display_name" db:"display_name"`
	Verified    bool          `json:"verified" db:"verified"` // the user has proved that the email is theirs
	CreatedAt   time.Time     `json:"created_at" db:"created_at"`
	CreatedIn   uuid.NullUUID `json:"-" db:"created_in"` // the tenant that created the account
}

// Password is the password of an account.
type Password struct {
	Hash    string `db:"hash"`    // in PHC format
	Version int64  `db:"version"` // increases with each change of the hash
}

// New returns an account with a new id. tenant is the tenant that creates it.
func New(tenant uuid.UUID, email, displayName string) Account {
	return Account{
		ID: db.NewID(), Email: email, DisplayName: displayName, CreatedIn: uuid.NullUUID{UUID: tenant, Valid: true},
	}
}

// TrustedIn reports whether a tenant may assume that the account belongs to the owner of its email.
func (a Account) TrustedIn(tenant uuid.UUID) bool {
	return a.Verified || a.CreatedIn.Valid && a.CreatedIn.UUID == tenant
}

// NormalEmail returns the form in which an email is stored and looked up: trimmed, in lower case
// (in practice no provider has mailboxes that differ in case only), and in Unicode normalization
// form NFC.
func NormalEmail(email string) string {
	return norm.NFC.String(strings.ToLower(norm.NFC.String(strings.TrimSpace(email))))
}

// CheckProfile normalizes the email and the display name of a request in place and checks them. An
// empty display name becomes the part of the email before the @.
func CheckProfile(check *request.Check, email, displayName *string) {
	*email, *displayName = NormalEmail(*email), strings.TrimSpace(*displayName)
	if *displayName == "" {
		local, _, _ := strings.Cut(*email, "@")
		*displayName = string([]rune(local)[:min(maxDisplayName, utf8.RuneCountInString(local))])
	}
	check.Email("email", *email)
	check.Text("display_name", *displayName, 0, maxDisplayName)
}

const columns = `id, email, display_name, email_verified_at is not null as verified, created_at, created_in`

// Store reads and writes the table users, which has no row security: its methods run inside or
// outside a transaction, unless they say otherwise. It is safe for concurrent use.
//
// The role of the service may read all columns but password_hash, which [Store.Password] reads
// through a function of the database.
type Store struct{ pool *db.Pool }

// NewStore returns a store on pool.
func NewStore(pool *db.Pool) Store { return Store{pool} }

// EmailTaken returns the RESOURCE_CONFLICT for an email that has an account.
func EmailTaken(cause error) error {
	return errors.Wrap(cause, errors.CodeConflict, "The email already has an account").With("field", "email")
}

// Insert adds an account. It returns RESOURCE_CONFLICT if the email already has one.
func (s Store) Insert(ctx context.Context, a Account, passwordHash string) error {
	_, err := db.Exec(ctx, s.pool, `
		insert into users (id, email, display_name, password_hash, created_in) values ($1, $2, $3, $4, $5)`,
		a.ID, a.Email, a.DisplayName, passwordHash, a.CreatedIn)
	switch {
	case db.Violated(err, "users_email_key"):
		return EmailTaken(err)
	case err != nil:
		return fmt.Errorf("insert an account: %w", err)
	}
	return nil
}

// ByEmail returns the account with a normalized email, or sql.ErrNoRows.
func (s Store) ByEmail(ctx context.Context, email string) (Account, error) {
	a, err := db.One[Account](ctx, s.pool, `select `+columns+` from users where email = $1`, email)
	if err != nil {
		return a, fmt.Errorf("look up an account: %w", err)
	}
	return a, nil
}

// ByID returns an account, or RESOURCE_NOT_FOUND.
func (s Store) ByID(ctx context.Context, id uuid.UUID) (Account, error) {
	a, err := db.One[Account](ctx, s.pool, `select `+columns+` from users where id = $1`, id)
	return a, errors.NotFoundOr(err, "user", id)
}

// Password returns the password of an account, or sql.ErrNoRows. It runs in a transaction of the user:
// no other has access to the hash.
func (s Store) Password(ctx context.Context, id uuid.UUID) (Password, error) {
	p, err := db.One[Password](ctx, s.pool, `
		select coalesce(own_password_hash(), '') as hash, password_version as version from users where id = $1`, id)
	if err != nil {
		return p, fmt.Errorf("read a password: %w", err)
	}
	return p, nil
}

// ChangePassword replaces a password and returns the new one. It returns sql.ErrNoRows if the password
// has changed since old was read.
func (s Store) ChangePassword(ctx context.Context, id uuid.UUID, old Password, hash string) (Password, error) {
	version, err := db.One[int64](ctx, s.pool, `
		update users set password_hash = $3, updated_at = now() where id = $1 and password_version = $2
		returning password_version`, id, old.Version, hash)
	if err != nil {
		return old, fmt.Errorf("change a password: %w", err)
	}
	return Password{hash, version}, nil
}

// Unchanged reports whether the password of an account is still p. If so, it locks the row against
// changes until the transaction ends.
func (s Store) Unchanged(ctx context.Context, id uuid.UUID, p Password) (bool, error) {
	n, err := db.Exec(ctx, s.pool, `select from users where id = $1 and password_version = $2 for share`, id, p.Version)
	if err != nil {
		return false, fmt.Errorf("check for a changed password: %w", err)
	}
	return n > 0, nil
}

// Verify marks the email of an account as verified, unless it is.
//
// The user of this account must have proved ownership: mail a code and have the user enter it while
// logged in. A plain link is not enough, because the owner of the mailbox would verify the account
// of somebody who registered the email first.
func (s Store) Verify(ctx context.Context, id uuid.UUID) error {
	_, err := db.Exec(ctx, s.pool, `
		update users set email_verified_at = now(), updated_at = now() where id = $1 and email_verified_at is null`, id)
	if err != nil {
		return fmt.Errorf("verify an account: %w", err)
	}
	return nil
}

// SetPassword replaces the password hash of an account, whatever it was.
func (s Store) SetPassword(ctx context.Context, id uuid.UUID, hash string) error {
	_, err := db.Exec(ctx, s.pool, `update users set password_hash = $2, updated_at = now() where id = $1`, id, hash)
	if err != nil {
		return fmt.Errorf("set a password: %w", err)
	}
	return nil
}

// Lock makes logins and new memberships of an account wait until the transaction ends.
func (s Store) Lock(ctx context.Context, id uuid.UUID) error {
	if _, err := db.Exec(ctx, s.pool, `select from users where id = $1 for update`, id); err != nil {
		return fmt.Errorf("lock an account: %w", err)
	}
	return nil
}

// Erase removes what identifies the user of an account, and its password. The email becomes free. A
// text without @, which no request may send as an email, takes its place.
func (s Store) Erase(ctx context.Context, id uuid.UUID) error {
	_, err := db.Exec(ctx, s.pool, `
		update users set email = 'deleted:' || id, display_name = '', password_hash = '', created_in = null,
			email_verified_at = null, updated_at = now() where id = $1`, id)
	if err != nil {
		return fmt.Errorf("erase an account: %w", err)
	}
	return nil
}

// List returns the account with a normalized email, or at most limit accounts after a position if
// email is empty: those with a greater email in the order of the database. Erased accounts are left
// out.
func (s Store) List(ctx context.Context, email, after string, limit int) ([]Account, error) {
	var where db.Conditions
	where.And("email like '%@%'")
	if email != "" {
		where.And("email = ?", email)
	}
	if after != "" {
		where.And("email > ?", after)
	}
	list, err := db.All[Account](ctx, s.pool, `
		select `+columns+` from users`+where.SQL()+` order by email limit `+where.Arg(limit), where.Args()...)
	if err != nil {
		return nil, fmt.Errorf("list accounts: %w", err)
	}
	return list, nil
}
