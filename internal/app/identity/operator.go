package identity

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/app/account"
	"github.com/netrun-systems/go-service-template/internal/app/audit"
	"github.com/netrun-systems/go-service-template/internal/app/members"
	"github.com/netrun-systems/go-service-template/internal/app/session"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/server/request"
)

// Operator manages accounts for the people who operate the service, who have no account themselves.
// Each method leaves an entry in the system's audit trail with the reason command_line, and so does
// what changes in a tenant in that of the tenant. An email without an account is a
// RESOURCE_NOT_FOUND. An Operator is safe for concurrent use.
type Operator struct {
	pool      *db.Pool
	accounts  account.Store
	members   members.Store
	service   *members.Service
	lockout   lockout
	passwords Passwords
	sessions  *session.Service
	audit     audit.Recorder
}

// NewOperator returns an operator.
func NewOperator(
	pool *db.Pool, passwords Passwords, sessions *session.Service, recorder audit.Recorder,
) *Operator {
	return &Operator{
		pool: pool, accounts: account.NewStore(pool), members: members.NewStore(pool),
		service: members.NewService(pool, passwords, sessions, recorder),
		lockout: lockout{pool}, passwords: passwords, sessions: sessions, audit: recorder,
	}
}

// AccountStatus is an account as operators see it.
type AccountStatus struct {
	account.Account
	LockedUntil *time.Time           `json:"locked_until"` // the end of the longest lock of logins, or null
	Tenants     []members.Membership `json:"tenants"`
}

// List returns the account with an email, or without one at most limit accounts after the email of
// the last one that was listed.
func (o *Operator) List(ctx context.Context, email, after string, limit int) ([]AccountStatus, error) {
	list := []AccountStatus{}
	found, err := o.accounts.List(ctx, account.NormalEmail(email), account.NormalEmail(after), limit)
	if err == nil && len(found) == 0 && email != "" {
		err = errNoAccount()
	}
	if err != nil {
		return nil, err
	}
	for _, a := range found {
		status := AccountStatus{Account: a}
		if status.LockedUntil, err = o.lockout.lockedUntil(ctx, accountCounter(a.Email)); err != nil {
			return nil, err
		}
		err = o.pool.InTx(db.WithUser(ctx, a.ID), func(ctx context.Context) error {
			status.Tenants, err = o.members.Memberships(ctx, a.ID)
			return err
		})
		if err != nil {
			return nil, err
		}
		list = append(list, status)
	}
	entry := audit.Entry{Event: "accounts_listed", Details: map[string]any{"accounts": len(list)}}
	if email != "" {
		entry.TargetType, entry.TargetID = "user", list[0].ID.String()
	}
	return list, o.pool.InTx(ctx, func(ctx context.Context) error { return o.record(ctx, entry) })
}

// Verify marks the email of an account as verified; see [account.Store.Verify].
func (o *Operator) Verify(ctx context.Context, email string) (uuid.UUID, error) {
	return o.change(ctx, email, "account_verified", func(ctx context.Context, a account.Account) error {
		return o.accounts.Verify(ctx, a.ID)
	})
}

// Unlock ends a lockout of an account. One of a client address ends by itself.
func (o *Operator) Unlock(ctx context.Context, email string) (uuid.UUID, error) {
	return o.change(ctx, email, "account_unlocked", func(ctx context.Context, a account.Account) error {
		return o.lockout.unlock(ctx, accountCounter(a.Email))
	})
}

// SetPassword replaces the password of an account, ends all its sessions and a lockout. API keys
// remain valid, as after [Service.ChangePassword]. A password that is not strong enough is a
// VALIDATION_ERROR.
func (o *Operator) SetPassword(ctx context.Context, email string, password logging.Secret) (uuid.UUID, error) {
	if err := auth.CheckPassword(password.Reveal(), account.NormalEmail(email)); err != nil {
		return uuid.Nil, err
	}
	hash, err := o.passwords.HashPassword(ctx, password.Reveal())
	if err != nil {
		return uuid.Nil, err
	}
	return o.change(ctx, email, "password_changed", func(ctx context.Context, a account.Account) error {
		if err := o.accounts.SetPassword(ctx, a.ID, hash); err != nil {
			return err
		}
		if err := o.sessions.EndAll(ctx, a.ID, "password_changed"); err != nil {
			return err
		}
		return o.lockout.unlock(ctx, accountCounter(a.Email))
	})
}

// Delete ends the memberships of an account, with its sessions and API keys, and erases the account;
// see package account. The last owner of a tenant with other members is a RESOURCE_CONFLICT that names
// the tenant.
func (o *Operator) Delete(ctx context.Context, email string) (uuid.UUID, error) {
	return o.change(ctx, email, "account_deleted", func(ctx context.Context, a account.Account) error {
		memberships, err := o.members.Memberships(ctx, a.ID)
		if err != nil {
			return err
		}
		for _, m := range memberships {
			if err := o.service.DeleteAccount(db.WithTenant(ctx, m.TenantID), a.ID); err != nil {
				return fmt.Errorf("remove the account from tenant %s: %w", m.TenantID, err)
			}
		}
		if err := o.lockout.forget(ctx, accountCounter(a.Email)); err != nil {
			return err
		}
		return o.accounts.Erase(ctx, a.ID)
	})
}

// change runs do for the account with an email in a transaction of its user, and records the event.
// It returns the id of the account.
func (o *Operator) change(
	ctx context.Context, email, event string, do func(context.Context, account.Account) error,
) (uuid.UUID, error) {
	a, err := o.accounts.ByEmail(ctx, account.NormalEmail(email))
	if errors.Is(err, sql.ErrNoRows) {
		return uuid.Nil, errNoAccount()
	}
	if err != nil {
		return uuid.Nil, err
	}
	return a.ID, o.pool.InTx(db.WithUser(ctx, a.ID), func(ctx context.Context) error {
		if err := o.accounts.Lock(ctx, a.ID); err != nil {
			return err
		}
		if err := do(ctx, a); err != nil {
			return err
		}
		return o.record(ctx, audit.Entry{Event: event, TargetType: "user", TargetID: a.ID.String()})
	})
}

func (o *Operator) record(ctx context.Context, e audit.Entry) error {
	e.Reason = "command_line"
	return o.audit.Record(ctx, e)
}

// accountCounter returns the counter of an account for its key.
func accountCounter(email string) counter { return newCounter("account", email, 0, 0) }

func errNoAccount() error {
	return errors.New(errors.CodeNotFound, "There is no account with this email")
}

// CheckEmail returns a VALIDATION_ERROR for a text that is not an email.
func CheckEmail(email string) error {
	var check request.Check
	check.Email("email", account.NormalEmail(email))
	return check.Err()
}
