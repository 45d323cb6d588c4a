package db_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

// plain returns the DSN of a login that needs no other role, because poolers refuse the parameter.
func plain(t testing.TB, dsn string) string {
	t.Helper()
	_, err := superuser(t, dsn).ExecContext(t.Context(), `do $$ begin
		create role db_test_pooled login password 'db-test' in role db_test_role;
	exception when duplicate_object or unique_violation then null; end $$`)
	require.NoError(t, err)
	return platformtest.As(t, dsn, "db_test_pooled", "db-test")
}

// In transaction mode PgBouncer accepts LISTEN, and no notification arrives.
func TestListenBehindPgBouncer(t *testing.T) {
	t.Parallel()
	direct := plain(t, database(t))
	noRole := func(_ *db.Config, o *db.Options) { o.Role = "" }

	t.Run("session mode", func(t *testing.T) {
		t.Parallel()
		pooled := platformtest.NewPgBouncer(t, direct, platformtest.PoolMode{Pooling: "session", Size: 20})
		l := listenVia(t, open(t, pooled, noRole), pooled, nil)
		l.until(t, 1)
		notify(t, superuser(t, direct), "other", "1")
		l.untilHeard(t, 1)
	})
	t.Run("transaction mode", func(t *testing.T) {
		t.Parallel()
		pooled := platformtest.NewPgBouncer(t, direct, platformtest.PoolMode{Pooling: "transaction", Size: 20})
		pool := open(t, pooled, noRole)
		l := listenVia(t, pool, pooled, nil)
		for range 3 { // other connections take the server connection on which LISTEN ran
			useAll(t, pool, "transaction mode")
		}
		platformtest.Eventually(t, 10*time.Second, func() error {
			for _, line := range l.log.events(t, "listener_disconnected") {
				if strings.Contains(fmt.Sprint(line["error"]), "DATABASE_LISTEN_URL") {
					return nil
				}
			}
			return fmt.Errorf("no line that names the setting in:\n%s", l.log)
		})
		before := time.Now()
		directly := listenVia(t, pool, direct, nil)
		directly.until(t, 1)
		assert.Less(t, time.Since(before), 5*time.Second)
		notify(t, superuser(t, direct), "other", "1")
		directly.untilHeard(t, 1)
		_, states := directly.all()
		assert.Equal(t, []bool{true}, states)
	})
}

// Each client uses all sessions of the pool in turn, and other clients prepare statements there.
func TestStatementsBehindPgBouncer(t *testing.T) {
	t.Parallel()
	direct := plain(t, database(t))
	for name, tt := range map[string]struct {
		mode     platformtest.PoolMode
		prepared bool
	}{
		"session":                           {platformtest.PoolMode{Pooling: "session", Size: 20}, true},
		"transaction, statements are moved": {platformtest.PoolMode{Pooling: "transaction", Size: 2, Prepared: true}, true},
		"transaction":                       {platformtest.PoolMode{Pooling: "transaction", Size: 2}, false},
		"transaction, one session":          {platformtest.PoolMode{Pooling: "transaction", Size: 1}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pooled := platformtest.NewPgBouncer(t, direct, tt.mode)
			record, log := newRecorder(t)
			var all sync.WaitGroup
			for client := range 4 {
				pool := open(t, pooled, func(_ *db.Config, o *db.Options) { o.Role, o.Log = "", log })
				all.Go(func() {
					for i := range 100 {
						// The first statement of each client differs, and has the same name on the server.
						query := fmt.Sprintf("select $1::int * 10 + %d", client)
						got, err := db.One[int](t.Context(), pool, query, i)
						if !assert.NoError(t, err) || !assert.Equal(t, 10*i+client, got) {
							return
						}
						tenant := newID(t)
						scope, err := db.ReadOne[string](db.WithTenant(t.Context(), tenant), pool, "select current_setting('app.tenant_id')")
						if !assert.NoError(t, err) || !assert.Equal(t, tenant.String(), scope) {
							return
						}
						got, err = db.ReadOne[int](db.WithTenant(t.Context(), tenant), pool, query, i)
						if !assert.NoError(t, err) || !assert.Equal(t, 10*i+client, got) {
							return
						}
						assert.NoError(t, pool.InTx(t.Context(), func(ctx context.Context) error {
							_, err := db.One[int](ctx, pool, query, i)
							return err
						}))
					}
				})
			}
			all.Wait()
			warned := 4
			if tt.prepared {
				warned = 0
			}
			assert.Len(t, record.events(t, "statements_unprepared"), warned)
		})
	}
}

// The operator reads which setting of PgBouncer is missing.
func TestPgBouncerThatRefusesTheTimeouts(t *testing.T) {
	t.Parallel()
	pooled := platformtest.NewPgBouncer(t, plain(t, database(t)), platformtest.PoolMode{Pooling: "transaction", Size: 2, Strict: true})
	start := time.Now()
	_, err := db.Open(t.Context(), settings(pooled), db.Options{Log: quiet(t)})
	require.ErrorContains(t, err, "ignore_startup_parameters")
	assert.Less(t, time.Since(start), 5*time.Second)
}

// PgBouncer is up before its server.
func TestOpenWaitsForTheServerOfPgBouncer(t *testing.T) {
	t.Parallel()
	direct := plain(t, database(t))
	server := platformtest.NewProxy(t, platformtest.Target(t, direct))
	server.Cut()
	pooled := platformtest.NewPgBouncer(t, server.DSN(direct), platformtest.PoolMode{Pooling: "transaction", Size: 2})
	record, log := newRecorder(t)
	opened := make(chan error, 1)
	go func() {
		pool, err := db.Open(t.Context(), settings(pooled), db.Options{Log: log})
		if err == nil {
			err = pool.Close()
		}
		opened <- err
	}()
	platformtest.Eventually(t, 20*time.Second, func() error {
		if len(record.events(t, "database_waiting")) == 0 {
			return fmt.Errorf("no line database_waiting in %s", record)
		}
		return nil
	})
	server.Restore()
	require.NoError(t, <-opened)
}
