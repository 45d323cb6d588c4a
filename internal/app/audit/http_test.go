package audit_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/app/audit"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// get requests GET /v1/audit in a tenant.
func (f *fixture) get(t testing.TB, tenant uuid.UUID, query string) apptest.Response {
	t.Helper()
	e := apptest.Router()
	e.GET("/v1/audit", apptest.Handler(audit.NewHandler(f.Trail).List))
	return apptest.Call(t, e, auth.Principal{UserID: uuid.New(), TenantID: tenant}, "GET", "/v1/audit?"+query, "")
}

// targets returns the targets of a page, which have names of one letter.
func (f *fixture) targets(t testing.TB, tenant uuid.UUID, query string) string {
	t.Helper()
	return f.get(t, tenant, query).Items(t, "target_id")
}

// cursor returns the next_cursor of a page.
func (f *fixture) cursor(t testing.TB, tenant uuid.UUID, query string) string {
	t.Helper()
	page := f.get(t, tenant, query)
	next, ok := page.Body["next_cursor"].(string)
	require.True(t, ok, page.Body)
	return next
}

// put adds an entry with a time.
func (f *fixture) put(t testing.TB, tenant, actor uuid.UUID, at time.Time, event, targetType, targetID string) {
	t.Helper()
	f.Exec(t, `insert into audit_events (id, tenant_id, occurred_at, event, outcome, actor_id, target_type, target_id, details)
		values ($1, $2, $3, $4, 'success', $5, $6, $7, '{}')`, uuid.New(), tenant, at, event, actor, targetType, targetID)
}

func TestListFilters(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	tenant, other, ann, bob := uuid.New(), uuid.New(), uuid.New(), uuid.New()
	at := func(minute int) time.Time { return time.Date(2026, 1, 31, 12, minute, 0, 0, time.UTC) }
	f.put(t, tenant, ann, at(1), "member_added", "user", "a")
	f.put(t, tenant, bob, at(2), "member_added", "user", "b")
	f.put(t, tenant, ann, at(3), "api_key_created", "api_key", "c")
	f.put(t, tenant, bob, at(4), "api_key_created", "user", "d")
	f.put(t, other, ann, at(2), "member_added", "user", "x")
	tests := map[string]string{
		"":                                      "dcba",
		"event=member_added":                    "ba",
		"event=Member_added":                    "",
		"actor_id=" + ann.String():              "ca",
		"actor_id=" + uuid.NewString():          "",
		"target_type=user":                      "dba",
		"target_id=c":                           "c",
		"target_type=user&target_id=c":          "",
		"since=2026-01-31T12:02:00Z":            "dcb",
		"since=2026-01-31T12:02:00.0000001Z":    "dc",
		"until=2026-01-31T12:02:00Z":            "a",
		"until=2026-01-31T13:02:00.001%2B01:00": "ba",
		"since=2026-01-31T12:02:00Z&until=2026-01-31T12:04:00Z":                               "cb",
		"since=2026-01-31T12:02:00Z&event=member_added":                                       "b",
		"event=&actor_id=&target_type=&target_id=&since=&until=":                              "dcba",
		"event=api_key_created&actor_id=" + bob.String() + "&target_type=user&target_id=d":    "d",
		"event=api_key_created&actor_id=" + bob.String() + "&target_type=user&target_id=NaN%": "!",
	}
	for query, want := range tests {
		if want == "!" {
			f.get(t, tenant, query).Problem(t, errors.CodeValidation)
			continue
		}
		assert.Equal(t, want, f.targets(t, tenant, query), query)
	}
	assert.Equal(t, "x", f.targets(t, other, ""))
	assert.Equal(t, map[string]any{"items": []any{}, "next_cursor": nil}, f.get(t, uuid.New(), "").Body)
}

func TestPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	tenant, actor := uuid.New(), uuid.New()
	for i, target := range strings.Split("abcdefg", "") {
		f.put(t, tenant, actor, time.Date(2026, 1, 31, 12, i, 0, 0, time.UTC), "member_added", "user", target)
	}
	for limit, want := range map[string]string{"1": "g,f,e,d,c,b,a", "2": "gf,ed,cb,a", "6": "gfedcb,a", "7": "gfedcba", "100": "gfedcba"} {
		filters := url.Values{"limit": {limit}, "event": {"member_added"}, "since": {"2026-01-01T00:00:00Z"}}
		assert.Equal(t, want, apptest.Pages(t, "target_id", func(cursor string) apptest.Response {
			if cursor != "" {
				filters.Set("cursor", cursor)
				filters.Set("since", "2026-01-01T01:00:00+01:00") // the same time
			}
			return f.get(t, tenant, filters.Encode())
		}), limit)
	}
	cursor := f.cursor(t, tenant, "limit=3")
	f.put(t, tenant, actor, time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC), "member_added", "user", "new")
	assert.Equal(t, "dcb", f.targets(t, tenant, "limit=3&cursor="+cursor), "a new entry moves nothing")
	assert.Empty(t, f.targets(t, uuid.New(), "cursor="+cursor), "a cursor opens no other tenant's trail")
}

func TestInvalidParameters(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	tenant := uuid.New()
	for range 2 {
		f.put(t, tenant, uuid.New(), time.Now(), "member_added", "user", "a")
	}
	cursor := f.cursor(t, tenant, "limit=1&event=member_added")
	for query, field := range map[string]string{
		"limit=0": "limit", "limit=101": "limit", "limit=x": "limit", "limit=1&limit=1": "limit",
		"cursor=x":         "cursor",
		"cursor=" + cursor: "cursor", // of another filter
		"cursor=" + cursor + "&event=member_added&since=2026-01-01T00:00:00Z": "cursor",
		"event=" + strings.Repeat("x", 65):                                    "event",
		"event=%00":                                                           "event", "event=%ff": "event", "event=a&event=b": "event",
		"target_type=" + strings.Repeat("x", 65):              "target_type",
		"target_id=" + strings.Repeat("x", 201):               "target_id",
		"actor_id=x":                                          "actor_id",
		"actor_id=%7B01890a5d-ac96-774b-bcce-b302099a8057%7D": "actor_id",
		"actor_id=01890a5dac96774bbcceb302099a8057":           "actor_id",
		"since=yesterday":                                     "since", "since=2026-01-31": "since", "since=2026-01-31T12:00:00": "since", "since=1700000000": "since",
		"since=2026-01-31T12:00:00+01:00": "since", // + is a blank
		"until=2026-02-30T12:00:00Z":      "until", "until=10000-01-01T00:00:00Z": "until",
		"since=2026-01-31T12:00:00Z&until=2026-01-31T12:00:00Z": "until",
		"since=2026-02-01T00:00:00Z&until=2026-01-01T00:00:00Z": "until",
	} {
		assert.Equal(t, []string{field}, f.get(t, tenant, query).Problem(t, errors.CodeValidation), query)
	}
	assert.Equal(t, http.StatusOK, f.get(t, tenant, "event=member_added&cursor="+cursor).Status)
}

// Below row security an index serves a filter only where PostgreSQL trusts the operator, so this is
// asked as the service.
func TestListUsesIndex(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	tenant := uuid.New()
	f.Exec(t, `
		insert into audit_events (id, tenant_id, occurred_at, event, outcome, actor_id, target_type, target_id, details)
		select gen_random_uuid(), case when n % 2 = 0 then $1::uuid else gen_random_uuid() end, now(), 'token_refreshed', 'success',
			gen_random_uuid(), 'session', n, '{}' from generate_series(1, 20000) n`, tenant)
	f.Exec(t, `analyze audit_events`)
	for condition, want := range map[string]string{
		"true":                   "audit_events_occurred_at_idx",
		"event = 'member_added'": "audit_events_event_idx",
		"actor_id = '01890a5d-ac96-774b-bcce-b302099a8057'":                          "audit_events_actor_id_idx",
		"target_type = 'user' and target_id = '42'":                                  "audit_events_target_id_idx",
		"occurred_at >= '2026-01-01' and occurred_at < '2026-01-02'":                 "audit_events_occurred_at_idx",
		"(occurred_at, id) < ('2026-01-01', '01890a5d-ac96-774b-bcce-b302099a8057')": "audit_events_occurred_at_idx",
	} {
		require.NoError(t, f.Pool.InTenant(db.WithTenant(t.Context(), tenant), func(ctx context.Context) error {
			plan, err := db.All[string](ctx, f.Pool, `explain select id from audit_events where `+condition+` order by occurred_at desc, id desc limit 21`)
			assert.Contains(t, strings.Join(plan, "\n"), want, condition)
			return err
		}))
	}
}
