package db_test

import (
	"database/sql"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

// What went past the package, through database/sql as it is, is mapped at the boundary all the same.
func TestMapErrorKnowsWhatTheServerSays(t *testing.T) {
	t.Parallel()
	raw, err := sql.Open("postgres", platformtest.Database(t, platformtest.Template{Name: "empty"}))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, raw.Close()) })
	_, err = raw.ExecContext(t.Context(), "create table keys (name text primary key, n int check (n > 0)); insert into keys values ('canary', 1)")
	require.NoError(t, err)
	for statement, want := range map[string]errors.Code{
		"insert into keys values ('canary', 2)": errors.CodeConflict,
		"insert into keys values ('x', 0)":      errors.CodeValidation,
		"select 'canary'::int":                  errors.CodeValidation,
		"select * from nowhere":                 errors.CodeDatabase,
	} {
		_, err := raw.ExecContext(t.Context(), statement)
		require.Error(t, err)
		e := errors.From(fmt.Errorf("do something: %w", err), db.MapError)
		assert.Equal(t, want, e.Code, statement)
		assert.NotContains(t, e.Error(), "canary", "no value, in the log neither")
		assert.NotEmpty(t, db.SQLState(e))
	}
	assert.Equal(t, errors.CodeServiceUnavailable, errors.From(fmt.Errorf("x: %w", sql.ErrConnDone), db.MapError).Code)
	assert.Equal(t, errors.CodeInternal, errors.From(errors.Sentinel("x"), db.MapError).Code)
	assert.Nil(t, db.MapError(sql.ErrNoRows))
}
