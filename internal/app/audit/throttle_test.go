package audit_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/audit"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
)

// Who is refused the same over and over has a line each time, and a row a minute.
func TestSameRefusalHasARowAMinute(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var mu sync.Mutex
	now := time.Now()
	f.SetClock(func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	})
	p := auth.Principal{UserID: uuid.New(), TenantID: uuid.New(), SessionID: uuid.New()}
	denial := auth.Denial{Permission: "users:write", Route: "POST /v1/users", Reason: "missing_permission", Principal: p}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() { f.Denied(t.Context(), denial) })
	}
	all.Wait()
	rows := func() int { return f.Count(t, `select count(*) from audit_events`) }
	assert.Equal(t, 1, rows())
	assert.Len(t, f.log.of(t, "permission_denied"), 20)

	key := p
	key.SessionID, key.APIKeyID = uuid.Nil, uuid.New()
	for i, other := range []auth.Denial{
		{Permission: "audit:read", Route: denial.Route, Reason: denial.Reason, Principal: p},
		{Permission: denial.Permission, Route: "PATCH /v1/users/:id", Reason: denial.Reason, Principal: p},
		{Permission: denial.Permission, Route: denial.Route, Reason: "outside_scope", Principal: p},
		{Permission: denial.Permission, Route: denial.Route, Reason: denial.Reason, Principal: key},
		{Permission: denial.Permission, Route: denial.Route, Reason: denial.Reason, Principal: auth.Principal{UserID: uuid.New(), TenantID: p.TenantID}},
	} {
		f.Denied(t.Context(), other)
		assert.Equal(t, 2+i, rows(), "another one: %+v", other)
	}

	mu.Lock()
	now = now.Add(time.Minute)
	mu.Unlock()
	before := rows()
	f.Denied(t.Context(), denial)
	assert.Equal(t, before+1, rows())
	assert.Equal(t, 1, f.Count(t, `select count(*) from audit_events where details = '{"route":"POST /v1/users","repeated":19}'`))
}

func TestThrottleIsBounded(t *testing.T) {
	t.Parallel()
	var r audit.Recorder
	p := auth.Principal{UserID: uuid.New(), TenantID: uuid.New()}
	for range audit.MaxRepetitions + 10 {
		p.SessionID = uuid.New()
		r.Throttle(p)
	}
	require.LessOrEqual(t, r.Throttled(), audit.MaxRepetitions)
}
