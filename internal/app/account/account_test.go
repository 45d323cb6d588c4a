package account_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/account"
	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
	"github.com/netrun-systems/go-service-template/internal/platform/server/request"
)

func TestMain(m *testing.M) { platformtest.Main(m) }

func ExampleNormalEmail() {
	fmt.Println(account.NormalEmail(" Ada@Example.com "))
	fmt.Println(account.NormalEmail("rene\u0301@example.com") == account.NormalEmail("ren\u00e9@example.com"))
	// Output:
	// ada@example.com
	// true
}

func TestCheckProfile(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ email, name, wantEmail, wantName string }{
		{" Ada@Example.com", " Ada L. ", "ada@example.com", "Ada L."},
		{"ada@example.com", " ", "ada@example.com", "ada"},
	} {
		var check request.Check
		account.CheckProfile(&check, &tt.email, &tt.name)
		require.NoError(t, check.Err())
		assert.Equal(t, tt.wantEmail, tt.email)
		assert.Equal(t, tt.wantName, tt.name)
	}
	for _, email := range []string{"", strings.Repeat("é", 200) + "@example.com"} { // the name is cut to what is allowed
		var check request.Check
		name := ""
		account.CheckProfile(&check, &email, &name)
		assert.Equal(t, []string{"email"}, fields(check.Err()), email)
		assert.Equal(t, min(100, utf8.RuneCountInString(email)), utf8.RuneCountInString(name))
	}
	var check request.Check
	email, name := "ada@example.com", strings.Repeat("é", 101)
	account.CheckProfile(&check, &email, &name)
	assert.Equal(t, []string{"display_name"}, fields(check.Err()))
}

func fields(err error) (names []string) {
	list, _ := errors.From(err).Details["fields"].([]errors.FieldError)
	for _, field := range list {
		names = append(names, field.Field)
	}
	return names
}

func TestTrustedInCreatingTenantOrVerified(t *testing.T) {
	t.Parallel()
	here, there := uuid.New(), uuid.New()
	for name, tt := range map[string]struct {
		account account.Account
		want    bool
	}{
		"created here":                {account.Account{CreatedIn: uuid.NullUUID{UUID: here, Valid: true}}, true},
		"created elsewhere":           {account.Account{CreatedIn: uuid.NullUUID{UUID: there, Valid: true}}, false},
		"created in no known tenant":  {account.Account{}, false},
		"created elsewhere, verified": {account.Account{CreatedIn: uuid.NullUUID{UUID: there, Valid: true}, Verified: true}, true},
	} {
		assert.Equal(t, tt.want, tt.account.TrustedIn(here), name)
	}
	assert.False(t, account.Account{}.TrustedIn(uuid.Nil))
}

func TestStore(t *testing.T) {
	t.Parallel()
	d := apptest.NewDatabase(t)
	store := account.NewStore(d.Pool)
	ctx := t.Context()
	a := account.Account{
		ID: uuid.New(), Email: "ada@example.com", DisplayName: "Ada", CreatedIn: uuid.NullUUID{UUID: uuid.New(), Valid: true},
	}
	require.NoError(t, store.Insert(ctx, a, "old"))
	twice := a
	twice.ID = uuid.New()
	assert.True(t, errors.HasCode(store.Insert(ctx, twice, "x"), errors.CodeConflict))

	for _, find := range []func() (account.Account, error){
		func() (account.Account, error) { return store.ByEmail(ctx, a.Email) },
		func() (account.Account, error) { return store.ByID(ctx, a.ID) },
	} {
		got, err := find()
		require.NoError(t, err)
		assert.WithinDuration(t, time.Now(), got.CreatedAt, time.Minute)
		got.CreatedAt = a.CreatedAt
		assert.Equal(t, a, got)
	}
	_, err := store.ByEmail(ctx, "nobody@example.com")
	require.ErrorIs(t, err, sql.ErrNoRows)
	_, err = store.ByID(ctx, uuid.New())
	assert.True(t, errors.HasCode(err, errors.CodeNotFound), "%v", err)

	// password reads the password of a in a transaction of a user.
	password := func(user uuid.UUID) (p account.Password, err error) {
		err = d.Pool.InTx(db.WithUser(ctx, user), func(ctx context.Context) error {
			p, err = store.Password(ctx, a.ID)
			return err
		})
		return p, err
	}
	old, err := password(a.ID)
	require.NoError(t, err)
	assert.Equal(t, "old", old.Hash)
	for _, other := range []uuid.UUID{uuid.Nil, uuid.New()} {
		hidden, err := password(other)
		require.NoError(t, err)
		assert.Empty(t, hidden.Hash, "not in a transaction of the user")
	}
	changed, err := store.ChangePassword(ctx, a.ID, old, "new")
	require.NoError(t, err)
	assert.Equal(t, "new", changed.Hash)
	_, err = store.ChangePassword(ctx, a.ID, old, "newer")
	require.ErrorIs(t, err, sql.ErrNoRows, "the password has changed since it was read")
	now, err := password(a.ID)
	require.NoError(t, err)
	assert.Equal(t, changed, now)
	for p, want := range map[account.Password]bool{old: false, changed: true} {
		unchanged, err := store.Unchanged(ctx, a.ID, p)
		require.NoError(t, err)
		assert.Equal(t, want, unchanged, p.Hash)
	}
}

func TestVerifyMarksEmailOnce(t *testing.T) {
	t.Parallel()
	d := apptest.NewDatabase(t)
	store := account.NewStore(d.Pool)
	ctx := t.Context()
	a := account.Account{ID: uuid.New(), Email: "ada@example.com", DisplayName: "Ada"}
	require.NoError(t, store.Insert(ctx, a, "x"))
	require.NoError(t, store.Verify(ctx, uuid.New()), "no such account")
	got, err := store.ByID(ctx, a.ID)
	require.NoError(t, err)
	assert.False(t, got.Verified)
	require.NoError(t, store.Verify(ctx, a.ID))
	d.Exec(t, `update users set email_verified_at = '2026-01-31'`)
	require.NoError(t, store.Verify(ctx, a.ID))
	assert.Equal(t, 1, d.Count(t, `select count(*) from users where email_verified_at = '2026-01-31'`), "the first time counts")
	got, err = store.ByID(ctx, a.ID)
	require.NoError(t, err)
	assert.True(t, got.Verified)
}
