package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/app/audit"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

func TestMain(m *testing.M) { platformtest.Main(m) }

// lines is a log that a test can read.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// of returns the lines with this event.
func (l *lines) of(t testing.TB, event string) (list []map[string]any) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range bytes.Lines(l.buf.Bytes()) {
		var fields map[string]any
		require.NoError(t, json.Unmarshal(line, &fields))
		if fields["event"] == event {
			list = append(list, fields)
		}
	}
	return list
}

// fixture is a recorder on a database of its own.
type fixture struct {
	*audit.Trail
	*apptest.Database
	log *lines
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	d := apptest.NewDatabase(t)
	f := &fixture{audit.NewTrail(d.Pool), d, &lines{}}
	core, err := logging.NewCore(logging.Options{App: "test", Environment: "testing", Level: "debug", Output: f.log})
	require.NoError(t, err)
	f.LogTo(logging.New(core, "app/audit"))
	return f
}

// someone returns a principal in a tenant, whom the trail knows and no other table, and the ctx of
// their request.
func someone(t testing.TB, tenant uuid.UUID) (context.Context, auth.Principal) {
	t.Helper()
	p := auth.Principal{UserID: uuid.New(), TenantID: tenant, SessionID: uuid.New()}
	return apptest.As(t, p), p
}

// record records entries in one transaction of the tenant of ctx.
func (f *fixture) record(ctx context.Context, t testing.TB, entries ...audit.Entry) {
	t.Helper()
	require.NoError(t, f.Pool.InTenant(ctx, func(ctx context.Context) error {
		for _, e := range entries {
			if err := f.Record(ctx, e); err != nil {
				return err
			}
		}
		return nil
	}))
}
