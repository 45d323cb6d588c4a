package db_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

func TestServerErrorsAreMapped(t *testing.T) {
	t.Parallel()
	pool := open(t, database(t))
	_, err := db.Exec(t.Context(), pool, "insert into items (id, name) values (1, 'canary')")
	require.NoError(t, err)
	tests := []struct {
		name, query string
		args        []any
		code        errors.Code
		state       string
	}{
		{"unique", "insert into items (id, name) values (2, $1)", []any{"canary"}, errors.CodeConflict, "23505"},
		{"check", "insert into items (id, name) values (3, $1)", []any{"forbidden"}, errors.CodeValidation, "23514"},
		{"not null", "insert into items (id) values ($1)", []any{nil}, errors.CodeValidation, "23502"},
		{"not a uuid", "select $1::text::uuid", []any{"canary"}, errors.CodeValidation, "22P02"},
		{"out of range", "select $1::text::smallint", []any{"99999999"}, errors.CodeValidation, "22003"},
		{"not a date", "select $1::text::date", []any{"canary"}, errors.CodeValidation, "22007"},
		{"NUL", "select $1::text", []any{"canary\x00"}, errors.CodeValidation, "22021"},
		{"syntax", "selec 1", nil, errors.CodeDatabase, "42601"},
		{"no such table", "select * from nowhere", nil, errors.CodeDatabase, "42P01"},
		{"no permission", "create table public.more (id int)", nil, errors.CodeDatabase, "42501"},
		{"divided by zero", "select 1 / $1::int", []any{0}, errors.CodeDatabase, "22012"},
		{"too many connections", "do $$ begin raise exception 'canary' using errcode = '53300'; end $$", nil, errors.CodeServiceUnavailable, "53300"},
		{"shutting down", "do $$ begin raise exception using errcode = '57P01'; end $$", nil, errors.CodeServiceUnavailable, "57P01"},
		{"read-only", "do $$ begin raise exception using errcode = '25006'; end $$", nil, errors.CodeServiceUnavailable, "25006"},
		{"lock not available", "do $$ begin raise exception using errcode = '55P03'; end $$", nil, errors.CodeServiceUnavailable, "55P03"},
		{"foreign key", "insert into items (id, parent) values (4, 99); set constraints all immediate", nil, errors.CodeConflict, "23503"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := db.Exec(t.Context(), pool, tt.query, tt.args...)
			require.Error(t, err)
			assert.Equal(t, tt.code, errors.From(err).Code, err)
			assert.Equal(t, tt.state, db.SQLState(err))
			if tt.state != "53300" { // its text is the server's own, elsewhere
				assert.NotContains(t, err.Error(), "canary", "values stay out of errors")
			}
		})
	}
}

func TestServerErrorsHaveTheHint(t *testing.T) {
	t.Parallel()
	pool := open(t, database(t))
	const raise = "do $$ begin raise exception 'no' using errcode = '%s', hint = 'canary'; end $$"
	for state, want := range map[string]bool{"P0001": true, "42501": true, "23514": false, "22023": false} {
		_, err := db.Exec(t.Context(), pool, fmt.Sprintf(raise, state))
		require.Error(t, err)
		assert.Equal(t, want, strings.Contains(err.Error(), "(hint: canary)"), err)
		assert.NotContains(t, errors.From(err).ClientMessage(), "canary", "clients get no hint")
	}
}

// The name of a condition before a colon must not look like the name of a secret.
func TestServerErrorsAreNotRedacted(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	_, err := db.Open(t.Context(), settings(platformtest.As(t, dsn, "postgres", "canary-wrong")), db.Options{Log: quiet(t)})
	require.ErrorContains(t, err, "password authentication failed")
	assert.Equal(t, err.Error(), logging.Redact(err.Error()))
	pool := open(t, dsn)
	for _, state := range []string{"28P01", "28000", "0L000", "42501", "0P000", "3D000"} {
		_, err := db.Exec(t.Context(), pool, fmt.Sprintf("do $$ begin raise exception 'access is denied' using errcode = '%s'; end $$", state))
		require.ErrorContains(t, err, state)
		assert.Equal(t, err.Error(), logging.Redact(err.Error()))
	}
}

func TestViolated(t *testing.T) {
	t.Parallel()
	pool := open(t, database(t))
	_, err := db.Exec(t.Context(), pool, "insert into items (id, name) values (1, 'a')")
	require.NoError(t, err)
	_, err = db.Exec(t.Context(), pool, "insert into items (id, name) values (2, 'a')")
	assert.True(t, db.Violated(err, "items_name_key"))
	assert.False(t, db.Violated(err, "items_pkey"))
	assert.False(t, db.Violated(nil, "items_name_key"))
	assert.ErrorContains(t, err, "23505 (unique_violation), table items, constraint items_name_key")
	assert.Empty(t, db.SQLState(errTest))
}

func TestScanErrorsHoldNoValue(t *testing.T) {
	t.Parallel()
	pool := open(t, database(t))
	_, err := db.One[int](t.Context(), pool, "select 'canary' as word")
	assert.True(t, errors.HasCode(err, errors.CodeDatabase), err)
	assert.ErrorContains(t, err, `name "word"`)
	assert.NotContains(t, err.Error(), "canary")
}
