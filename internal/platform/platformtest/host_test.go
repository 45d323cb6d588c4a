package platformtest

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// environment is a getenv function.
func environment(variables map[string]string) func(string) string {
	return func(name string) string { return variables[name] }
}

// borrow returns a host on the server of this test process, as TEST_DATABASE_URL names it.
func borrow(t *testing.T) (*host, *bytes.Buffer) {
	t.Helper()
	out := new(bytes.Buffer)
	h := newHost(environment(map[string]string{"TEST_DATABASE_URL": Server(t).DSN}), out)
	h.open.Store(true)
	t.Cleanup(h.close)
	return h, out
}

// suite is what TestMain gets: tests that do something and end with a code.
type suite func() int

func (s suite) Run() int { return s() }

func works(origin string) func(context.Context) (*running, error) {
	return func(context.Context) (*running, error) { return &running{origin: origin}, nil }
}

func fails(context.Context) (*running, error) { return nil, errors.Sentinel("it does not work") }

func TestChoose(t *testing.T) {
	t.Parallel()
	all := []provider{{"container", fails}, {"binaries", works("b")}, {"download", works("d")}}
	tests := map[string]struct {
		env          map[string]string
		providers    []provider
		want, failed string
	}{
		"the first that works":    {nil, all, "b", ""},
		"a URL comes first":       {map[string]string{"TEST_DATABASE_URL": "postgres://x"}, all, "from TEST_DATABASE_URL", ""},
		"a forced one":            {map[string]string{"TEST_POSTGRES_PROVIDER": "download"}, all, "d", ""},
		"a forced one that fails": {map[string]string{"TEST_POSTGRES_PROVIDER": "container"}, all, "", "container: it does not work"},
		"a misspelt one":          {map[string]string{"TEST_POSTGRES_PROVIDER": "docker"}, all, "", "not one of container, binaries, download"},
		"a contradiction": {map[string]string{"TEST_DATABASE_URL": "postgres://x", "TEST_POSTGRES_PROVIDER": "container"}, all,
			"", "unset one of them"},
		"none works": {nil, all[:1], "", "container: it does not work"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(environment(test.env), nil)
			h.providers = test.providers
			r, err := h.choose(t.Context())
			if test.failed != "" {
				require.ErrorContains(t, err, test.failed)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.want, r.origin)
		})
	}
}

func TestServerNeedsMain(t *testing.T) {
	t.Parallel()
	f := try(t, func(tb *fakeTB) { newHost(os.Getenv, nil).server(tb) })
	assert.Contains(t, f.log, "platformtest.Main(m)")
}

func TestNoServerFailsEveryTest(t *testing.T) {
	t.Parallel()
	h := newHost(environment(nil), nil)
	h.providers = []provider{{"container", fails}}
	h.open.Store(true)
	for range 2 {
		f := try(t, func(tb *fakeTB) { h.database(tb, Template{}) })
		assert.Contains(t, f.log, "it does not work")
	}
	h.close()

	h = newHost(environment(map[string]string{"TEST_DATABASE_URL": "postgres://127.0.0.1:1/x?sslmode=disable"}), nil)
	h.open.Store(true)
	f := try(t, func(tb *fakeTB) { h.server(tb) })
	assert.Contains(t, f.log, "ask the test server for its version")
}

func TestFailedTestKeepsItsDatabase(t *testing.T) {
	t.Parallel()
	h, out := borrow(t)
	var dsn string
	f := try(t, func(tb *fakeTB) {
		dsn = h.database(tb, Template{Name: "kept"})
		tb.Errorf("wrong")
	})
	assert.Contains(t, f.log, "psql '"+dsn+"'")
	db, err := sql.Open("postgres", dsn)
	require.NoError(t, err)
	require.NoError(t, db.PingContext(t.Context()), "it is there")
	require.NoError(t, db.Close())
	name := dsn[strings.LastIndex(dsn, "/")+1 : strings.LastIndex(dsn, "?")]
	_, err = h.ready.admin.ExecContext(t.Context(), "drop database "+name)
	require.NoError(t, err)

	h.close()
	assert.Contains(t, out.String(), "the kept databases are on the server of TEST_DATABASE_URL")
}

func TestDatabaseThatCannotBeDropped(t *testing.T) {
	t.Parallel()
	h, _ := borrow(t)
	f := try(t, func(tb *fakeTB) {
		dsn := h.database(tb, Template{Name: "gone"})
		name := dsn[strings.LastIndex(dsn, "/")+1 : strings.LastIndex(dsn, "?")]
		_, err := h.ready.admin.ExecContext(tb.Context(), "drop database "+name)
		require.NoError(t, err)
	})
	assert.Contains(t, f.log, "drop the database of this test")
}

func TestTemplateThatFailsHalfWay(t *testing.T) {
	t.Parallel()
	broken := Template{Name: "broken", Hash: fmt.Sprint(os.Getpid()), Prepare: func(context.Context, string) error {
		return errors.Sentinel("a bad migration")
	}}
	h, _ := borrow(t)
	f := try(t, func(tb *fakeTB) { h.database(tb, broken) })
	assert.Contains(t, f.log, "a bad migration")
	var n int
	const count = "select count(*) from pg_database where datname = $1"
	require.NoError(t, h.ready.admin.QueryRowContext(t.Context(), count, broken.database()).Scan(&n))
	assert.Zero(t, n, "the half-made template")

	// A run that was killed could not even do that.
	_, err := h.ready.admin.ExecContext(t.Context(), "create database "+broken.database())
	require.NoError(t, err)
	mended := broken
	mended.Prepare = nil
	other, _ := borrow(t) // another process
	f = try(t, func(tb *fakeTB) { other.database(tb, mended) })
	assert.False(t, f.failed, f.log)
}

func TestTemplateOfTwoProcessesIsPreparedOnce(t *testing.T) {
	t.Parallel()
	entered, finish := make(chan struct{}), make(chan struct{})
	slow := Template{Name: "slow", Hash: fmt.Sprint(os.Getpid()), Prepare: func(context.Context, string) error {
		close(entered) // a second call would panic
		<-finish
		return nil
	}}
	first, _ := borrow(t)
	second, _ := borrow(t)
	results := make(chan *fakeTB, 2)
	go func() { results <- try(t, func(tb *fakeTB) { first.database(tb, slow) }) }()
	<-entered
	go func() { results <- try(t, func(tb *fakeTB) { second.database(tb, slow) }) }()
	Eventually(t, stopTimeout, func() error {
		var waiting bool
		const query = "select exists (select from pg_locks where locktype = 'advisory' and not granted)"
		if err := first.ready.admin.QueryRowContext(t.Context(), query).Scan(&waiting); err != nil || !waiting {
			return fmt.Errorf("the second does not wait: %w", err)
		}
		return nil
	})
	close(finish)
	for range 2 {
		f := <-results
		assert.False(t, f.failed, f.log)
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	stopped, kept := 0, 0
	dsn := Server(t).DSN
	serving := func(out *bytes.Buffer) *host {
		h := newHost(environment(nil), out)
		h.providers = []provider{{"binaries", func(context.Context) (*running, error) {
			return &running{
				dsn: dsn, origin: "from here",
				stop: func(context.Context) error { stopped++; return errors.Sentinel("it does not stop") },
				keep: func() string { kept++; return "how to end it" },
			}, nil
		}}}
		return h
	}
	var out bytes.Buffer
	h := serving(&out)
	assert.Equal(t, 3, run(suite(func() int { h.server(t); return 3 }), h))
	assert.Equal(t, 1, stopped, "a failed test without a database needs no server")
	assert.Contains(t, out.String(), " from here\n")
	assert.Contains(t, out.String(), "it does not stop")

	h = serving(&out)
	assert.Equal(t, 1, run(suite(func() int { h.server(t); h.kept.Store(true); return 1 }), h))
	assert.Equal(t, 1, kept)
	assert.Equal(t, 1, stopped)
	assert.Contains(t, out.String(), "how to end it")
}

func TestRunFindsLeaks(t *testing.T) {
	end := make(chan struct{})
	defer close(end)
	out := new(bytes.Buffer)
	h := newHost(environment(nil), out)
	assert.Equal(t, 1, run(suite(func() int { go func() { <-end }(); return 0 }), h))
	assert.Contains(t, out.String(), "TestRunFindsLeaks")
}

func TestServerThatRefuses(t *testing.T) {
	t.Parallel()
	h, _ := borrow(t)
	s := h.server(t)
	require.ErrorContains(t, s.clone(t.Context(), "test_refused", "template_missing"), "clone the template")
	f := try(t, func(tb *fakeTB) {
		withoutServer := *s
		withoutServer.running = &running{dsn: "postgres://%zz"}
		h.ready = &withoutServer
		h.database(tb, Template{Name: "refused", Prepare: func(context.Context, string) error { return nil }})
	})
	h.ready = s
	assert.Contains(t, f.log, "not a URL")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.prepare(ctx, "template_late", Template{}), context.Canceled)
}

func TestEventuallyFails(t *testing.T) {
	t.Parallel()
	f := try(t, func(tb *fakeTB) { Eventually(tb, 0, func() error { return errors.Sentinel("the last error") }) })
	assert.Contains(t, f.log, "the last error")
}

func TestWithDatabase(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]string{
		"postgres://u:p%40@h:1/a?sslmode=disable": "postgres://u:p%40@h:1/b?sslmode=disable",
		"postgresql://h":  "postgresql://h/b",
		"host=h dbname=a": "host=h dbname=a dbname=b",
	} {
		got, err := withDatabase(dsn, "b")
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	_, err := withDatabase("postgres://u:hunter2%zz@h/a", "b")
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "hunter2")
}
