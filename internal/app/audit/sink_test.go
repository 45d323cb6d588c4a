package audit_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/audit"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

const soon = 20 * time.Second

// collector is a sink that keeps what it is given, after it has done what do says.
type collector struct {
	do func(ctx context.Context, e audit.Entry)

	mu      sync.Mutex
	entries []audit.Entry
}

func (c *collector) Send(ctx context.Context, e audit.Entry) {
	if c.do != nil {
		c.do(ctx, e)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries = append(c.entries, e)
}

func (c *collector) events() (list []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.entries {
		list = append(list, e.Event)
	}
	return list
}

func TestSinksAreTold(t *testing.T) {
	t.Parallel()
	one, two := &collector{}, &collector{}
	f := newFixture(t, one, two)
	ctx, p := someone(t, uuid.New())
	f.record(errors.WithCorrelationID(audit.WithRemoteIP(ctx, "192.0.2.7"), "request-1"), t,
		audit.Entry{Event: "first", Details: map[string]any{"password": "x"}}, audit.Entry{Event: "second"})
	undone := errors.Sentinel("undone")
	require.ErrorIs(t, f.Pool.InTenant(ctx, func(ctx context.Context) error {
		require.NoError(t, f.Record(ctx, audit.Entry{Event: "third"}))
		return undone
	}), undone)
	require.NoError(t, f.Close(t.Context()))
	require.NoError(t, f.Close(t.Context()), "again")
	for _, sink := range []*collector{one, two} {
		assert.Equal(t, []string{"first", "second"}, sink.events())
	}
	got := one.entries[0]
	assert.Equal(t, 1, f.Count(t, `select count(*) from audit_events where id = $1`, got.ID))
	assert.Equal(t, audit.TimeOf(got.ID), got.OccurredAt)
	got.ID, got.OccurredAt = uuid.Nil, time.Time{}
	assert.Equal(t, audit.Entry{
		Event: "first", ActorID: p.UserID, Outcome: "success", RemoteIP: "192.0.2.7", Details: map[string]any{"password": "[REDACTED]"},
		SessionID: p.SessionID, TenantID: p.TenantID, CorrelationID: "request-1",
	}, got)
	assert.Zero(t, f.Dropped())
}

func TestSinkThatPanicsIsCalledAgain(t *testing.T) {
	t.Parallel()
	sink := &collector{do: func(_ context.Context, e audit.Entry) {
		if e.Event == "first" {
			panic("the sink has a fault")
		}
	}}
	f := newFixture(t, sink)
	ctx, _ := someone(t, uuid.New())
	f.record(ctx, t, audit.Entry{Event: "first"}, audit.Entry{Event: "second"})
	require.NoError(t, f.Close(t.Context()))
	assert.Equal(t, []string{"second"}, sink.events())
	require.Len(t, f.log.of(t, "exception_raised"), 1)
}

func TestSlowSinkHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}, 1), make(chan struct{})
	slow := &collector{do: func(ctx context.Context, _ audit.Entry) {
		_, limited := ctx.Deadline()
		assert.True(t, limited)
		select {
		case entered <- struct{}{}:
		default:
		}
		<-release
	}}
	quick := &collector{}
	f := newFixture(t, slow, quick)
	ctx, _ := someone(t, uuid.New())
	const extra = 5
	entries := make([]audit.Entry, audit.QueueLength/2)
	for i := range entries {
		entries[i] = audit.Entry{Event: "member_added"}
	}
	f.record(ctx, t, audit.Entry{Event: "first"})
	<-entered
	f.record(ctx, t, entries...)
	platformtest.Eventually(t, soon, func() error { // so that the quick one has not been given too much at once
		if len(quick.events()) < 1+len(entries) {
			return errors.Sentinel("the quick sink waits for the slow one")
		}
		return nil
	})
	f.record(ctx, t, entries...)
	f.record(ctx, t, entries[:extra]...)
	assert.EqualValues(t, extra, f.Dropped())
	var logged []any
	for _, line := range f.log.of(t, "audit_sink_dropped") {
		logged = append(logged, line["dropped"])
		assert.Equal(t, "*audit_test.collector", line["sink"])
	}
	assert.Equal(t, []any{1.0, 2.0, 4.0}, logged, "ever fewer lines")
	all := 1 + audit.QueueLength + extra
	assert.Equal(t, all, f.Count(t, `select count(*) from audit_events`), "the table has them all")

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	err := f.Close(ended)
	require.ErrorIs(t, err, context.Canceled)
	assert.ErrorContains(t, err, "has not taken 1024 audit entries")
	f.record(ctx, t, audit.Entry{Event: "after_close"})
	assert.EqualValues(t, extra+2, f.Dropped(), "both sinks are closed")
	close(release)
	require.NoError(t, f.Close(t.Context()))
	assert.Len(t, slow.events(), all-extra)
	assert.Len(t, quick.events(), all)
}

func TestCloseWhileRecording(t *testing.T) {
	t.Parallel()
	sink := &collector{}
	f := newFixture(t, sink)
	ctx, _ := someone(t, uuid.New())
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 25 {
				f.record(ctx, t, audit.Entry{Event: "member_added"})
			}
		})
	}
	platformtest.Eventually(t, soon, func() error {
		if len(sink.events()) == 0 {
			return errors.Sentinel("nothing is recorded yet")
		}
		return nil
	})
	require.NoError(t, f.Close(t.Context()))
	group.Wait()
	assert.Equal(t, 100, len(sink.events())+int(f.Dropped()))
}
