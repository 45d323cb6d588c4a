package db_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
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

func TestViolated(t *testing.T) {
	t.Parallel()
	pool := open(t, database(t))
	_, err := db.Exec(t.Context(), pool, "insert into items (id, name) values (1, 'a')")
	require.NoError(t, err)
	_, err = db.Exec(t.Context(), pool, "insert into items (id, name) values (2, 'a')")
	assert.True(t, db.Violated(err, "items_name_key"))
	assert.False(t, db.Violated(err, "items_pkey"))
	assert.False(t, db.Violated(nil, "items_name_key"))
	assert.ErrorContains(t, err, "23505 unique_violation, table items, constraint items_name_key")
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

func TestRedact(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]string{
		"postgres://user:canary@host:6000/name?sslmode=require":              "postgres://user@host:6000/name",
		"postgresql://user:p%40canary@host/name":                             "postgres://user@host:5432/name",
		"postgres://user@host/name?password=canary":                          "postgres://user@host:5432/name",
		"host=host user=user password='it\\'s canary' dbname=name":           "postgres://user@host:5432/name",
		"host=host user=user password=canary dbname=name sslpassword=canary": "postgres://user@host:5432/name",
		"postgres://user:canary%zz@host/name":                                "postgres://unreadable",
		"postgres://user:can@ary:x@host:canary/name":                         "postgres://unreadable",
		"postgres://user:canary/@host/name":                                  "postgres://unreadable", // a / that is not percent-encoded
		"postgres://user:canary:/@host/name":                                 "postgres://unreadable",
		"postgres://user:12/canary@host/name":                                "postgres://unreadable",
		"postgres://user:12?canary@host/name":                                "postgres://unreadable",
		"postgres://user:12#canary@host/name":                                "postgres://unreadable",
		"postgres://host/name?user=user&password=can@ary":                    "postgres://user@host:5432/name",
		"host=/run/postgresql user=user dbname=name":                         "postgres://user@%2Frun%2Fpostgresql:5432/name",
		"postgres://user:canary@[::1]/name":                                  "postgres://user@[::1]:5432/name",
		"mysql://user:canary@host/name":                                      "postgres://unreadable",
	} {
		got := db.Redact(dsn)
		assert.Equal(t, want, got)
		assert.NotContains(t, got, "canary")
	}
}

func FuzzRedact(f *testing.F) {
	f.Add("postgres://user:secret@host:5432/name?sslmode=disable")
	f.Add("host=h user=u password='s\\'x' dbname=d")
	f.Add("x")
	f.Fuzz(func(t *testing.T, rest string) {
		if strings.Contains(rest, "canary") {
			return
		}
		assert.NotContains(t, db.Redact("postgres://user:canary"+rest+"@host/name"), "canary")
		assert.NotContains(t, db.Redact("host=host user=user password='canary"+rest+"' dbname=name"), "canary")
	})
}
