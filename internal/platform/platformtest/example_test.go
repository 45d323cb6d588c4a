package platformtest_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

// A test function, which is why this has no output.
func ExampleDatabase() {
	_ = func(t *testing.T) {
		t.Helper()
		dsn := platformtest.Database(t, platformtest.Template{
			Name: "app",
			Hash: "the hash of the migrations",
			Prepare: func(ctx context.Context, dsn string) error {
				return nil // apply the migrations to the empty database
			},
		})
		db, err := sql.Open("postgres", dsn)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
	}
}

// A server that goes away and comes back.
func ExampleProxy() {
	_ = func(t *testing.T, serverDSN string, request func(dsn string) error) {
		t.Helper()
		proxy := platformtest.NewProxy(t, platformtest.Target(t, serverDSN))
		dsn := proxy.DSN(serverDSN)
		proxy.Cut()
		if request(dsn) == nil {
			t.Error("it works without a server")
		}
		proxy.Restore()
		platformtest.Eventually(t, 2*time.Second, func() error { return request(dsn) })
	}
}
