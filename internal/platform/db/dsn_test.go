package db_test

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
)

const unreadable = "postgres://unreadable"

func TestRedact(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]string{
		"postgres://user:canary@host:6000/name?sslmode=require":              "postgres://user@host:6000/name",
		"postgresql://user:p%40canary@host/name":                             "postgres://user@host:5432/name",
		"postgres://user@host/name?password=canary":                          "postgres://user@host:5432/name",
		"host=host user=user password='it\\'s canary' dbname=name":           "postgres://user@host:5432/name",
		"host=host user=user password=canary dbname=name sslpassword=canary": "postgres://user@host:5432/name",
		"postgres://host/name?user=user&password=can@ary":                    "postgres://user@host:5432/name",
		"host=/run/postgresql user=user dbname=name":                         "postgres://user@%2Frun%2Fpostgresql:5432/name",
		"postgres://user:canary@[::1]/name":                                  "postgres://user@[::1]:5432/name",
		// blanks, schemes in any case, and what libpq accepts in a URL
		"  postgres://user:canary@host/name\n":                             "postgres://user@host:5432/name",
		"Postgres://user:canary@host/name":                                 "postgres://user@host:5432/name",
		"POSTGRESQL://user:canary@host/name":                               "postgres://user@host:5432/name",
		"\thost=host user=user password=canary dbname=name ":               "postgres://user@host:5432/name",
		"postgres://user:canary@a,b/name":                                  "postgres://user@a:5432,b:5432/name",
		"postgres://user:canary@a:1,b:2/name?target_session_attrs=primary": "postgres://user@a:1,b:2/name",
		"postgres://user:canary@a,b:2/name":                                "postgres://user@a:5432,b:2/name",
		"postgres://user:canary@a:,[::1]:2/name":                           "postgres://user@a:5432,[::1]:2/name",
		"postgres://user:canary@a,b/name?port=1,2":                         "postgres://user@a:1,b:2/name",
		"postgres://user:canary@[::1]:1,[fd00::2]:2/name":                  "postgres://user@[::1]:1,[fd00::2]:2/name",
		"postgres://user:canary@%2Frun%2Fpostgresql/name":                  "postgres://user@%2Frun%2Fpostgresql:5432/name",
		"postgres://user:canary@/name?host=host":                           "postgres://user@host:5432/name",
		"host=a,b port=1,2 user=user password=canary dbname=name":          "postgres://user@a:1,b:2/name",
		"host=host user=user password=canary dbname=name TimeZone=UTC":     "postgres://user@host:5432/name",
		"host=host user=user password=canary dbname=name app.flag=on":      "postgres://user@host:5432/name",
		// not a DSN
		"postgres://user:canary%zz@host/name":          unreadable,
		"postgres://user:can@ary:x@host:canary/name":   unreadable,
		"postgres://user:canary/@host/name":            unreadable, // a / that is not percent-encoded
		"postgres://user:canary:/@host/name":           unreadable,
		"postgres://user:12/canary@host/name":          unreadable,
		"postgres://user:12?canary@host/name":          unreadable,
		"postgres://user:12#canary@host/name":          unreadable,
		"postgres://user:x@12/canary@host/name":        unreadable,
		"postgres://user:x@12#canary@host/name":        unreadable,
		"postgres://user:canary@a:1,b:x/name":          unreadable,
		"postgres://user:canary@a,b,c/name?port=1,2":   unreadable,
		"postgres:/user:canary@host/name":              unreadable,
		"postgres//user:canary@host/name?x=y":          unreadable,
		"mysql://user:canary@host/name":                unreadable,
		"mysql://user:canary@host/name?parseTime=true": unreadable,
		"jdbc:postgresql://host/name?password=canary":  unreadable,
		"\"postgres://user:canary@host/name\"":         unreadable,
		"'postgres://user:canary@host/name?a=b'":       unreadable,
		"\"postgres://user:canary@host/name?a=b\"":     unreadable,
		"'host=host password=canary'":                  unreadable,
		"\"host=host password=canary\"":                unreadable,
		"`host=host password=canary`":                  unreadable,
		"DATABASE_URL=postgres://user:canary@host/x":   unreadable,
		"url='postgres://user:canary@host/x'":          unreadable,
		"postgres://user@host/name?can%20ary=x":        unreadable,
		"host=host,can;ary user=user":                  unreadable,
		"Server=host;Password=canary":                  unreadable,
	} {
		got := db.Redact(dsn)
		assert.Equal(t, want, got, dsn)
		assert.NotContains(t, got, "canary", dsn)
	}
}

// The forms of a DSN reach the same database.
func TestOpenAcceptsDSNForms(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	u, err := url.Parse(dsn)
	require.NoError(t, err)
	password, _ := u.User.Password()
	for name, form := range map[string]string{
		"scheme in another case": "PostgreSQL" + strings.TrimPrefix(dsn, u.Scheme),
		"blanks around it":       " " + dsn + "\n",
		"several hosts":          strings.Replace(dsn, "@", "@127.0.0.1:1,", 1),
		"IPv6 host first":        strings.Replace(dsn, "@", "@[::1]:1,", 1),
		"key=value": "host=" + u.Hostname() + " port=" + u.Port() + " user=" + u.User.Username() +
			" password='" + password + "' dbname=" + u.Path[1:] + " sslmode=disable",
	} {
		pool := open(t, form, func(c *db.Config, _ *db.Options) { c.PoolSize = 1 })
		got, err := db.One[string](t.Context(), pool, "select current_database()")
		require.NoError(t, err, name)
		assert.Equal(t, u.Path[1:], got, name)
	}
}

// An unusable file is an error at once. A retry does not help, and lib/pq would connect without
// verification or without TLS.
func TestOpenRefusesUnusableTLSFiles(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	dir := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		require.NoError(t, os.Chmod(path, mode))
		return path
	}
	text := file("text", "canary", 0o600)
	exposed := file("exposed", "canary", 0o644)
	for name, tt := range map[string]struct{ sslmode, parameters, want string }{
		"missing root":                {"require", "&sslrootcert=/nowhere/canary", "read the file sslrootcert"},
		"missing root, prefer":        {"prefer", "&sslrootcert=/nowhere/canary", "read the file sslrootcert"},
		"missing root, verify-full":   {"verify-full", "&sslrootcert=/nowhere/canary", "read the file sslrootcert"},
		"root without a certificate":  {"verify-ca", "&sslrootcert=" + text, "sslrootcert"},
		"missing certificate":         {"require", "&sslcert=/nowhere/canary", "read the file sslcert"},
		"missing key":                 {"require", "&sslcert=" + text + "&sslkey=/nowhere/canary", "read the file sslkey"},
		"key that others may read":    {"require", "&sslcert=" + text + "&sslkey=" + exposed, "permissions"},
		"key that others may, prefer": {"prefer", "&sslcert=" + text + "&sslkey=" + exposed, "permissions"},
		"no certificate":              {"allow", "&sslcert=" + text + "&sslkey=" + text, "certificate"},
	} {
		u, err := url.Parse(dsn)
		require.NoError(t, err)
		q := u.Query()
		q.Set("sslmode", tt.sslmode)
		u.RawQuery = q.Encode() + tt.parameters
		start := time.Now()
		_, err = db.Open(t.Context(), settings(u.String()), db.Options{Role: appRole, ActAs: true, Log: quiet(t)})
		require.ErrorContains(t, err, tt.want, name)
		assert.NotContains(t, err.Error(), "canary", name)
		assert.Less(t, time.Since(start), 5*time.Second, name)
	}
	// A file that is not used is not read.
	pool, err := db.Open(t.Context(), settings(dsn+"&sslrootcert=/nowhere"), db.Options{Role: appRole, ActAs: true, Log: quiet(t)})
	require.NoError(t, err)
	require.NoError(t, pool.Close())
}

// Without an sslmode, TLS is required unless all hosts are this machine.
func TestTLSIsRequiredExceptForLoopback(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]string{
		"postgres://u@127.0.0.1/x": "prefer", "postgres://u@127.8.9.1/x": "prefer", "postgres://u@[::1]:5432/x": "prefer",
		"postgres://u@localhost/x": "prefer", "host=localhost hostaddr=127.0.0.1 dbname=x": "prefer",
		"postgres://u@10.0.0.1/x": "require", "postgres://u@db.internal/x": "require", "postgres://u@localhost.evil/x": "require",
		"postgres://u@localhost,10.0.0.1/x": "require", "host=localhost hostaddr=10.0.0.1 dbname=x": "require",
		"postgres://u@10.0.0.1/x?sslmode=disable": "disable", "postgres://u@localhost/x?sslmode=verify-full": "verify-full",
	} {
		mode, err := db.SSLMode(dsn)
		require.NoError(t, err, dsn)
		assert.Equal(t, want, mode, dsn)
	}
}
