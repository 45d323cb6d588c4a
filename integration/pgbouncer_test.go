package integration

import (
	"context"
	"net/url"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

// pooled are the tests that [TestBehindPgBouncer] runs: transactions of a tenant and of none, all
// kinds of arguments, retries, locks, notifications, a full pool and two replicas.
var pooled = []func(*testing.T){
	TestAnotherTenantSeesNothing, // part:notes
	TestNoteListPages,            // part:notes
	TestAPIKeys,
	TestAuditTrail,
	TestConcurrentRefreshOnTwoReplicas,
	TestConcurrentUpdatesOfOneVersion, // part:notes
	TestExhaustedPoolAnswersInTime,
	TestIdempotencyKey, // part:notes
	TestListAndRevokeSessions,
	TestMemberLifecycle,
	TestNoteLifecycle, // part:notes
	TestNoteSearch,    // part:notes
	TestRevocationReachesOtherReplica,
	TestRolePermissionsOnEveryRoute,
}

// canceling are tests that cancel statements, which PgBouncer 1.18 may not survive ("FATAL
// disconnect_client(): bad client state").
var canceling = []func(*testing.T){TestRequestInFlightIsAnsweredAfterSIGTERM, TestRequestTimeout}

// poolers are the ways to the server by the name of the test in whose subtests services take them.
var poolers sync.Map

// pooler is a way to the server: through PgBouncer, and around it.
type pooler struct {
	url, direct string
	transaction bool // statements of different transactions run in different sessions
}

// The pools are small, so that a client gets many sessions of the server.
func TestBehindPgBouncer(t *testing.T) {
	t.Parallel()
	for name, mode := range map[string]platformtest.PoolMode{
		"session":                           {Pooling: "session", Size: 50, Prepared: true},
		"transaction, statements are moved": {Pooling: "transaction", Size: 4, Prepared: true},
		"transaction, statements are lost":  {Pooling: "transaction", Size: 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := platformtest.Database(t, apptest.Migrated)
			direct, role := login(t, dsn, "in role app_role")
			t.Cleanup(func() {
				_, err := apptest.Superuser(t, dsn).ExecContext(context.Background(), "drop role "+role)
				assert.NoError(t, err)
			})
			poolers.Store(t.Name(), pooler{platformtest.NewPgBouncer(t, direct, mode), direct, mode.Pooling == "transaction"})
			tests := pooled
			if mode.Prepared {
				tests = slices.Concat(pooled, canceling)
			}
			for _, test := range tests {
				name := runtime.FuncForPC(reflect.ValueOf(test).Pointer()).Name()
				t.Run(name[strings.LastIndex(name, ".")+1:], test)
			}
		})
	}
}

// throughPooler returns environment variables for the database of dsn, which lead through the pooler
// of the test, if it has one.
func throughPooler(t testing.TB, dsn string) []string {
	t.Helper()
	parts := strings.SplitN(t.Name(), "/", 3)
	found, ok := poolers.Load(strings.Join(parts[:len(parts)-1], "/"))
	if !ok {
		return nil
	}
	target, err := url.Parse(dsn)
	require.NoError(t, err)
	to := func(way string) string {
		u, err := url.Parse(way)
		require.NoError(t, err)
		u.Path = target.Path
		return u.String()
	}
	p := found.(pooler)
	list := []string{"DB_AUTO_MIGRATE=false", "DATABASE_URL=" + to(p.url)}
	if p.transaction {
		list = append(list, "DATABASE_LISTEN_URL="+to(p.direct))
	}
	return list
}
