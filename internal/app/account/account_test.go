package account_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/account"
	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

func TestMain(m *testing.M) { platformtest.Main(m) }

func ExampleNormalEmail() {
	fmt.Println(account.NormalEmail(" Ada@Example.com "))
	fmt.Println(account.NormalEmail("rene\u0301@example.com") == account.NormalEmail("ren\u00e9@example.com"))
	// Output:
	// ada@example.com
	// true
}

func TestDefaultName(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "ada", account.DefaultName("ada@example.com"))
	assert.Equal(t, strings.Repeat("é", account.MaxDisplayName), account.DefaultName(strings.Repeat("é", 200)+"@example.com"))
	assert.Empty(t, account.DefaultName(""))
}

func TestTrustedIn(t *testing.T) {
	t.Parallel()
	here, there := uuid.New(), uuid.New()
	for name, tt := range map[string]struct {
		account account.Account
		want    bool
	}{
		"made here":               {account.Account{CreatedIn: uuid.NullUUID{UUID: here, Valid: true}}, true},
		"made there":              {account.Account{CreatedIn: uuid.NullUUID{UUID: there, Valid: true}}, false},
		"made nobody knows where": {account.Account{}, false},
		"made there, verified":    {account.Account{CreatedIn: uuid.NullUUID{UUID: there, Valid: true}, Verified: true}, true},
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
		ID: uuid.New(), Email: "ada@example.com", DisplayName: "Ada", PasswordHash: "old", CreatedIn: uuid.NullUUID{UUID: uuid.New(), Valid: true},
	}
	require.NoError(t, store.Insert(ctx, a))
	twice := a
	twice.ID = uuid.New()
	assert.True(t, errors.HasCode(store.Insert(ctx, twice), errors.CodeConflict))

	for _, find := range []func() (account.Account, error){
		func() (account.Account, error) { return store.ByEmail(ctx, a.Email) },
		func() (account.Account, error) { return store.ByID(ctx, a.ID) },
	} {
		got, err := find()
		require.NoError(t, err)
		assert.Equal(t, a, got)
	}
	_, err := store.ByEmail(ctx, "nobody@example.com")
	require.ErrorIs(t, err, sql.ErrNoRows)
	_, err = store.ByID(ctx, uuid.New())
	assert.True(t, errors.HasCode(err, errors.CodeNotFound), "%v", err)

	changed, err := store.SetPasswordHash(ctx, a, "new")
	require.NoError(t, err)
	assert.True(t, changed)
	changed, err = store.SetPasswordHash(ctx, a, "newer")
	require.NoError(t, err)
	assert.False(t, changed, "somebody else has changed it since it was read")
	assert.Equal(t, 1, d.Count(t, `select count(*) from users where password_hash = 'new'`))
	for hash, want := range map[string]bool{"old": false, "new": true} {
		a.PasswordHash = hash
		unchanged, err := store.Unchanged(ctx, a)
		require.NoError(t, err)
		assert.Equal(t, want, unchanged, hash)
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	d := apptest.NewDatabase(t)
	store := account.NewStore(d.Pool)
	ctx := t.Context()
	a := account.Account{ID: uuid.New(), Email: "ada@example.com", DisplayName: "Ada", PasswordHash: "x"}
	require.NoError(t, store.Insert(ctx, a))
	for _, want := range []bool{true, false} {
		id, isNew, err := store.Verify(ctx, " Ada@example.com")
		require.NoError(t, err)
		assert.Equal(t, a.ID, id)
		assert.Equal(t, want, isNew)
	}
	got, err := store.ByID(ctx, a.ID)
	require.NoError(t, err)
	assert.True(t, got.Verified)
	_, _, err = store.Verify(ctx, "nobody@example.com")
	assert.True(t, errors.HasCode(err, errors.CodeNotFound), "%v", err)
}
