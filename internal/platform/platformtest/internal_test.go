package platformtest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/db/embedded"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// environment is a getenv function.
func environment(variables map[string]string) func(string) string {
	return func(name string) string { return variables[name] }
}

// borrow returns a harness on the server of this test process, as TEST_DATABASE_URL names it.
func borrow(t *testing.T) (*harness, *bytes.Buffer) {
	t.Helper()
	out := new(bytes.Buffer)
	h := newHarness(environment(map[string]string{"TEST_DATABASE_URL": shared.server(t).dsn}), out)
	h.open.Store(true)
	t.Cleanup(h.close)
	return h, out
}

// suite implements the parameter of Main.
type suite func() int

func (s suite) Run() int { return s() }

func works(origin string) func(context.Context) (*server, error) {
	return func(context.Context) (*server, error) { return &server{origin: origin}, nil }
}

func fails(context.Context) (*server, error) { return nil, errors.Sentinel("it does not work") }

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
			h := newHarness(environment(test.env), nil)
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
	f := try(t, func(tb *fakeTB) { newHarness(os.Getenv, nil).server(tb) })
	assert.Contains(t, f.log, "platformtest.Main(m)")
}

func TestNoServerFailsEveryTest(t *testing.T) {
	t.Parallel()
	h := newHarness(environment(nil), nil)
	h.providers = []provider{{"container", fails}}
	h.open.Store(true)
	for range 2 {
		f := try(t, func(tb *fakeTB) { h.database(tb, Template{}) })
		assert.Contains(t, f.log, "it does not work")
	}
	h.close()

	h = newHarness(environment(map[string]string{"TEST_DATABASE_URL": "postgres://127.0.0.1:1/x?sslmode=disable"}), nil)
	h.open.Store(true)
	f := try(t, func(tb *fakeTB) { h.server(tb) })
	assert.Contains(t, f.log, "ask the test server for its version")
}

func TestFailedTestDropsItsDatabase(t *testing.T) {
	t.Parallel()
	h, _ := borrow(t)
	var dsn string
	f := try(t, func(tb *fakeTB) {
		dsn = h.database(tb, Template{Name: "dropped"})
		tb.Errorf("wrong")
	})
	assert.Contains(t, f.log, "TEST_KEEP=1")
	assert.False(t, h.kept.Load(), "the server ends with the tests")
	db, err := sql.Open("postgres", dsn)
	require.NoError(t, err)
	require.ErrorContains(t, db.PingContext(t.Context()), "does not exist")
	require.NoError(t, db.Close())
}

func TestFailedTestKeepsItsDatabase(t *testing.T) {
	t.Parallel()
	h, out := borrow(t)
	external := h.getenv
	h.getenv = func(name string) string { return cmp.Or(external(name), map[string]string{"TEST_KEEP": "1"}[name]) }
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
	_, err = h.started.admin.ExecContext(t.Context(), "drop database "+name)
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
		_, err := h.started.admin.ExecContext(tb.Context(), "drop database "+name)
		require.NoError(t, err)
	})
	assert.Contains(t, f.log, "drop the database of this test")
}

func TestTemplateThatFailsHalfWay(t *testing.T) {
	t.Parallel()
	broken := Template{Name: "broken", Hash: rand.Text(), Prepare: func(context.Context, string) error {
		return errors.Sentinel("a bad migration")
	}}
	h, _ := borrow(t)
	f := try(t, func(tb *fakeTB) { h.database(tb, broken) })
	assert.Contains(t, f.log, "a bad migration")
	var n int
	const count = "select count(*) from pg_database where datname = $1"
	require.NoError(t, h.started.admin.QueryRowContext(t.Context(), count, broken.database()).Scan(&n))
	assert.Zero(t, n, "the half-made template")

	// A run that was killed could not even do that.
	_, err := h.started.admin.ExecContext(t.Context(), "create database "+broken.database())
	require.NoError(t, err)
	repaired, prepared := broken, 0
	repaired.Prepare = func(context.Context, string) error { prepared++; return nil }
	other, _ := borrow(t) // another process
	f = try(t, func(tb *fakeTB) { other.database(tb, repaired) })
	assert.False(t, f.failed, f.log)
	assert.Equal(t, 1, prepared, "what the killed run left is not taken for the template")
}

func TestTemplateOfTwoProcessesIsPreparedOnce(t *testing.T) {
	t.Parallel()
	entered, finish := make(chan struct{}), make(chan struct{})
	slow := Template{Name: "slow", Hash: rand.Text(), Prepare: func(context.Context, string) error {
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
		if err := first.started.admin.QueryRowContext(t.Context(), query).Scan(&waiting); err != nil || !waiting {
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
	dsn := shared.server(t).dsn
	serving := func(out *bytes.Buffer) *harness {
		h := newHarness(environment(nil), out)
		h.providers = []provider{{"binaries", func(context.Context) (*server, error) {
			return &server{
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
	h := newHarness(environment(nil), out)
	assert.Equal(t, 1, run(suite(func() int { go func() { <-end }(); return 0 }), h))
	assert.Contains(t, out.String(), "TestRunFindsLeaks")
}

func TestServerErrors(t *testing.T) {
	t.Parallel()
	h, _ := borrow(t)
	s := h.server(t)
	require.ErrorContains(t, s.clone(t.Context(), "test_refused", "template_missing"), "clone the template")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.lockTemplate(ctx, "template_late", Template{}), context.Canceled)
}

func TestEventuallyFails(t *testing.T) {
	t.Parallel()
	f := try(t, func(tb *fakeTB) { Eventually(tb, 0, func() error { return errors.Sentinel("the last error") }) })
	assert.Contains(t, f.log, "the last error")
}

func TestDSN(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]string{
		"postgres://u:p%40@h:1/a?sslmode=disable": "postgres://u:p%40@h:1/b?sslmode=disable",
		"postgresql://h": "postgresql://h/b",
	} {
		u, err := parseURL(dsn)
		require.NoError(t, err)
		assert.Equal(t, want, (&server{url: u}).database("b"))
	}
	for _, dsn := range []string{"postgres://u:hunter2%zz@h/a", "host=h password=hunter2", "mysql://u:hunter2@h/a"} {
		err := (&server{dsn: dsn}).connect(t.Context())
		require.ErrorContains(t, err, "not a URL")
		assert.NotContains(t, err.Error(), "hunter2")
	}
}

func TestAs(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "postgres://other:p%40ss@h:1/d?sslmode=disable", As(t, "postgres://one:canary@h:1/d?sslmode=disable", "other", "p@ss"))
	tb := try(t, func(tb *fakeTB) { As(tb, "postgres://one:can%zzary@h/d", "other", "x") })
	assert.True(t, tb.failed)
	assert.NotContains(t, tb.log, "can%zzary")
	tb = try(t, func(tb *fakeTB) { (&Proxy{tb: tb}).DSN("host=localhost password=canary") })
	assert.True(t, tb.failed)
	assert.NotContains(t, tb.log, "canary")
}

// available returns server binaries to test with: this machine's, else downloaded ones.
func available(ctx context.Context) (embedded.Binaries, error) {
	b, err := embedded.Find(ctx)
	if errors.Is(err, embedded.ErrNoBinaries) {
		return embedded.Download(ctx)
	}
	return b, err
}

func TestLocalServerIsKept(t *testing.T) {
	t.Parallel()
	r, err := startLocal(t.Context(), available)
	require.NoError(t, err)
	var pid int
	var dir string
	hint := r.keep()
	require.Contains(t, hint, "kill -INT ")
	_, err = fmt.Sscanf(hint[strings.Index(hint, "kill -INT"):], "kill -INT %d && rm -r %s", &pid, &dir)
	require.NoError(t, err)
	require.NoError(t, r.connect(t.Context()))
	var data, fsync string
	query := "select current_setting('data_directory'), current_setting('fsync')"
	require.NoError(t, r.admin.QueryRowContext(t.Context(), query).Scan(&data, &fsync))
	require.NoError(t, r.admin.Close())
	assert.Equal(t, "off", fsync)
	assert.True(t, strings.HasPrefix(data, dir), data)
	require.NoError(t, syscall.Kill(pid, syscall.SIGINT))
	Eventually(t, stopTimeout, func() error {
		if syscall.Kill(pid, 0) == nil {
			return errors.Sentinel("the server runs")
		}
		return nil
	})
	require.NoError(t, os.RemoveAll(dir))
}

func TestOldDataIsRemoved(t *testing.T) {
	t.Parallel()
	tmp := t.TempDir()
	old := time.Now().Add(-removeTime - time.Minute)
	for _, name := range []string{localPrefix + "old", localPrefix + "new", "other"} {
		require.NoError(t, os.MkdirAll(filepath.Join(tmp, name, "cluster"), 0o755))
		if name != localPrefix+"new" {
			require.NoError(t, os.Chtimes(filepath.Join(tmp, name), old, old))
		}
	}
	removeOldData(tmp)
	removeOldData(filepath.Join(tmp, "missing"))
	assert.NoDirExists(t, filepath.Join(tmp, localPrefix+"old"))
	assert.DirExists(t, filepath.Join(tmp, localPrefix+"new"))
	assert.DirExists(t, filepath.Join(tmp, "other"))
}

func TestLocalServerIsRemoved(t *testing.T) {
	t.Parallel()
	r, err := startLocal(t.Context(), available)
	require.NoError(t, err)
	assert.Contains(t, r.origin, "from server binaries at")
	require.NoError(t, r.stop(t.Context()))
}

func TestLocalServerThatCannotStart(t *testing.T) {
	t.Parallel()
	_, err := startLocal(t.Context(), func(context.Context) (embedded.Binaries, error) {
		return embedded.Binaries{}, errors.Sentinel("nothing to run")
	})
	require.ErrorContains(t, err, "nothing to run")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = startLocal(ctx, embedded.Download)
	require.Error(t, err)
}

// TMPDIR is the process's, so this does not run in parallel.
func TestLocalServerWithoutADirectory(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	_, err := startLocal(t.Context(), embedded.Find)
	require.ErrorContains(t, err, "make a data directory")
}

func TestPrivateServerReportsFailures(t *testing.T) {
	t.Parallel()
	broken := func(ctx context.Context) error {
		_, err := fails(ctx)
		return err
	}
	hostOf := func(r *server, err error) *harness {
		h := newHarness(environment(nil), nil)
		h.providers = []provider{{"only", func(context.Context) (*server, error) { return r, err }}}
		return h
	}
	well := func(context.Context) error { return nil }
	const dsn = "postgres://u:p@127.0.0.1:1/d"
	for name, tt := range map[string]struct {
		host *harness
		do   func(*fakeTB, *PrivateServer)
		log  string
	}{
		"cannot be started": {hostOf(fails(t.Context())), nil, "no PostgreSQL to test with: only: it does not work"},
		"has no address":    {hostOf(&server{dsn: "host=x", stop: well}, nil), nil, "not a URL"},
		"does not stop":     {hostOf(&server{dsn: dsn, stop: broken}, nil), nil, "stop the private server: it does not work"},
		"does not die": {
			hostOf(&server{dsn: dsn, stop: well, kill: broken}, nil),
			func(tb *fakeTB, s *PrivateServer) { s.Kill(tb) }, "it does not work",
		},
		"does not come back": {
			hostOf(&server{dsn: dsn, stop: well, restart: func(ctx context.Context) (string, error) { return "", broken(ctx) }}, nil),
			func(tb *fakeTB, s *PrivateServer) { s.Start(tb) }, "it does not work",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tb := try(t, func(tb *fakeTB) {
				s := tt.host.private(tb)
				if tt.do != nil {
					tt.do(tb, s)
				}
			})
			assert.True(t, tb.failed)
			assert.Contains(t, tb.log, tt.log)
		})
	}
}

func TestLocalServerIsKilledAndStarted(t *testing.T) {
	t.Parallel()
	r, err := startLocal(t.Context(), available)
	require.NoError(t, err)
	require.NoError(t, r.kill(t.Context()))
	dsn, err := r.restart(t.Context())
	require.NoError(t, err)
	r.dsn = dsn
	require.NoError(t, r.connect(t.Context()))
	require.NoError(t, r.admin.Close())
	require.NoError(t, r.stop(t.Context()))
	require.Error(t, r.kill(t.Context()), "it is dead already")
}

// fakeTB is a test that may fail without failing the test that runs it.
type fakeTB struct {
	testing.TB
	ctx      context.Context
	failed   bool
	log      string
	cleanups []func()
}

func (f *fakeTB) Helper()                  {}
func (f *fakeTB) Context() context.Context { return f.ctx }
func (f *fakeTB) Failed() bool             { return f.failed }
func (f *fakeTB) Cleanup(fn func())        { f.cleanups = append(f.cleanups, fn) }

func (f *fakeTB) Logf(format string, args ...any) { f.log += fmt.Sprintf(format, args...) + "\n" }

func (f *fakeTB) Errorf(format string, args ...any) {
	f.failed = true
	f.Logf(format, args...)
}

func (f *fakeTB) Fatalf(format string, args ...any) {
	f.Errorf(format, args...)
	runtime.Goexit()
}

// try runs body like a test, including its cleanups, and returns the test.
func try(t *testing.T, body func(tb *fakeTB)) *fakeTB {
	t.Helper()
	f := &fakeTB{TB: t, ctx: t.Context()}
	done := make(chan struct{})
	go func() {
		defer close(done)
		body(f)
	}()
	<-done
	for i := len(f.cleanups) - 1; i >= 0; i-- {
		f.cleanups[i]()
	}
	return f
}
