package platformtest_test

import (
	"database/sql"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

// In transaction mode two clients share a session of the server, with the statements that the
// first has prepared.
func TestPgBouncerModes(t *testing.T) {
	t.Parallel()
	dsn := platformtest.Database(t, platformtest.Template{Name: "empty"})
	for name, tt := range map[string]struct {
		mode   platformtest.PoolMode
		shared bool
		errors []string // of preparing, and of a startup parameter
	}{
		"session": {
			platformtest.PoolMode{Pooling: "session", Size: 3}, false, []string{"", ""},
		},
		"transaction": {
			platformtest.PoolMode{Pooling: "transaction", Size: 1}, true, []string{`prepared statement "1" already exists`, ""},
		},
		"moves statements": {
			platformtest.PoolMode{Pooling: "transaction", Size: 1, Prepared: true}, true, []string{"", ""},
		},
		"strict": {
			platformtest.PoolMode{Pooling: "session", Size: 3, Strict: true}, false,
			[]string{"", "unsupported startup parameter"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pooled := platformtest.NewPgBouncer(t, dsn, tt.mode)
			pool, err := sql.Open("postgres", pooled)
			require.NoError(t, err)
			defer func() { require.NoError(t, pool.Close()) }()
			sessions := map[int]bool{}
			var last error
			for range 2 {
				conn, err := pool.Conn(t.Context())
				require.NoError(t, err)
				defer func() { require.NoError(t, conn.Close()) }()
				var session int
				require.NoError(t, conn.QueryRowContext(t.Context(), "select pg_backend_pid()").Scan(&session))
				sessions[session] = true
				statement, err := conn.PrepareContext(t.Context(), "select 1")
				if last = err; err == nil {
					defer func() { require.NoError(t, statement.Close()) }()
				}
			}
			assert.Equal(t, tt.shared, len(sessions) == 1)
			assertError(t, tt.errors[0], last)

			limited, err := sql.Open("postgres", pooled+"&statement_timeout=1000")
			require.NoError(t, err)
			defer func() { require.NoError(t, limited.Close()) }()
			assertError(t, tt.errors[1], limited.PingContext(t.Context()))
		})
	}
}

// assertError asserts that err contains a text, or is nil for none.
func assertError(t testing.TB, text string, err error) {
	t.Helper()
	if text == "" {
		assert.NoError(t, err)
		return
	}
	assert.ErrorContains(t, err, text)
}
