package db_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
)

func ExampleConditions() {
	var where db.Conditions
	where.And("revoked_at is null")
	where.And("at between ? and ?", "monday", "friday")
	limit := where.Arg(20)
	fmt.Println("select * from t" + where.SQL() + " limit " + limit)
	fmt.Println(where.Args()...)
	// Output:
	// select * from t where revoked_at is null and at between $1 and $2 limit $3
	// monday friday 20
}

func TestConditions(t *testing.T) {
	t.Parallel()
	var none db.Conditions
	assert.Empty(t, none.SQL())
	assert.Empty(t, none.Args())
	assert.Equal(t, "$1", none.Arg(7))
	none.And("a = ?", "what has a ? in it is a value")
	assert.Equal(t, " where a = $2", none.SQL())
	assert.Equal(t, []any{7, "what has a ? in it is a value"}, none.Args())
}

func TestText(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "", "é\x00": "é\ufffd", "a\xffb": "a\ufffdb", strings.Repeat("é", 9): strings.Repeat("é", 4), "abcd": "abcd",
	} {
		assert.Equal(t, want, db.Text(in, 4), "%q", in)
	}
}

func TestTimesAreUTC(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	_, err := superuser(t, dsn).ExecContext(t.Context(), `do $$ begin
		execute format('alter database %I set timezone = ''America/New_York''', current_database());
	end $$`)
	require.NoError(t, err)
	now, err := db.One[time.Time](t.Context(), open(t, dsn), "select now()")
	require.NoError(t, err)
	assert.Equal(t, "UTC", now.Location().String())
}
