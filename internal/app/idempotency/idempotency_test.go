package idempotency_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time" // part:notes part:llm

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/app/idempotency"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

func TestMain(m *testing.M) { platformtest.Main(m) }

func newContext(t testing.TB, values ...string) echo.Context {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
	if len(values) > 0 {
		r.Header[idempotency.Header] = values
	}
	return echo.New().NewContext(r, httptest.NewRecorder())
}

func TestFromRequest(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"x", "8e03978e-40d5-43e8-bc93-6894a57f9324", `"quoted, with spaces"`, strings.Repeat("x", 255)} {
		key, err := idempotency.FromRequest(newContext(t, good), auth.Principal{}, "test")
		assert.NoError(t, err, good)
		assert.NotZero(t, key, good)
	}
	key, err := idempotency.FromRequest(newContext(t), auth.Principal{}, "test")
	assert.NoError(t, err)
	assert.Zero(t, key, "no header")
	for name, bad := range map[string][]string{
		"empty": {""}, "long": {strings.Repeat("x", 256)}, "NUL": {"a\x00"}, "newline": {"a\n"}, "not ASCII": {"é"}, "DEL": {"\x7f"},
		"twice": {"a", "a"},
	} {
		_, err := idempotency.FromRequest(newContext(t, bad...), auth.Principal{}, "test")
		assert.True(t, errors.HasCode(err, errors.CodeValidation), "%s: %v", name, err)
	}
}

// do sends a request with a key, or without one if it is empty, whose effect is a new tenant id.
func do(t testing.TB, d *apptest.Database, p auth.Principal, value, operation, request string) (id string, replayed bool, err error) {
	t.Helper()
	c := newContext(t)
	if value != "" {
		c.Request().Header.Set(idempotency.Header, value)
	}
	key, err := idempotency.FromRequest(c, p, operation)
	require.NoError(t, err)
	id, err = idempotency.Do(apptest.As(t, p), d.Pool, key, request, func(ctx context.Context) (string, error) {
		id := db.NewID().String()
		if request == "fails" {
			return "", errors.Conflict("The request failed")
		}
		_, err := db.Exec(ctx, d.Pool, `insert into done (id) values ($1)`, id)
		return id, err
	})
	return id, c.Response().Header().Get(idempotency.HeaderReplayed) == "true", err
}

func TestRequestIsExecutedOnce(t *testing.T) {
	t.Parallel()
	d := apptest.NewDatabase(t)
	d.Exec(t, `create table done (id uuid); grant insert on done to app_role`)
	tenant := d.Tenant(t)
	ann, bob := d.Member(t, tenant, access.RoleMember), d.Member(t, tenant, access.RoleMember)

	first, replayed, err := do(t, d, ann, "key", "create", "a")
	require.NoError(t, err)
	assert.False(t, replayed)
	for range 2 {
		id, replayed, err := do(t, d, ann, "key", "create", "a")
		require.NoError(t, err)
		assert.Equal(t, first, id)
		assert.True(t, replayed)
	}
	_, replayed, err = do(t, d, ann, "key", "create", "b")
	assert.True(t, errors.HasCode(err, errors.CodeConflict), "another request: %v", err)
	assert.False(t, replayed)
	_, _, err = do(t, d, ann, "key", "delete", "a")
	assert.True(t, errors.HasCode(err, errors.CodeConflict), "another operation: %v", err)
	assert.Equal(t, 1, d.Count(t, `select count(*) from done`))

	_, replayed, err = do(t, d, bob, "key", "create", "a")
	require.NoError(t, err)
	assert.False(t, replayed, "the same key of another user")
	for range 2 {
		_, replayed, err = do(t, d, ann, "", "create", "a")
		require.NoError(t, err)
		assert.False(t, replayed, "without a key")
	}
	assert.Equal(t, 4, d.Count(t, `select count(*) from done`))

	d.Exec(t, `update idempotency_keys set created_at = now() - interval '25 hours'`)
	for _, want := range []bool{false, true} {
		_, replayed, err = do(t, d, ann, "key", "create", "b")
		require.NoError(t, err)
		assert.Equal(t, want, replayed, "a key is stored for a day")
	}
	d.Exec(t, `delete from idempotency_keys`)

	_, _, err = do(t, d, ann, "other", "create", "fails")
	assert.True(t, errors.HasCode(err, errors.CodeConflict))
	assert.Zero(t, d.Count(t, `select count(*) from idempotency_keys`))
	_, replayed, err = do(t, d, ann, "other", "create", "a")
	require.NoError(t, err)
	assert.False(t, replayed, "a failed request must not use up its key")
}

func TestRepetitionsAtOnce(t *testing.T) {
	t.Parallel()
	d := apptest.NewDatabase(t)
	d.Exec(t, `create table done (id uuid); grant insert on done to app_role`)
	ann := d.Member(t, d.Tenant(t), access.RoleMember)
	var (
		all sync.WaitGroup
		mu  sync.Mutex
		ids = map[string]int{}
	)
	for range 8 {
		all.Go(func() {
			id, _, err := do(t, d, ann, "key", "create", "a")
			assert.NoError(t, err)
			mu.Lock()
			defer mu.Unlock()
			ids[id]++
		})
	}
	all.Wait()
	assert.Len(t, ids, 1)
	assert.Equal(t, 1, d.Count(t, `select count(*) from done`))
}

// part:notes part:llm begin

// caller makes Calls of a member with one key.
type caller struct {
	*apptest.Database
	member auth.Principal
}

func newCaller(t testing.TB) caller {
	t.Helper()
	d := apptest.NewDatabase(t)
	return caller{d, d.Member(t, d.Tenant(t), access.RoleMember)}
}

func (c caller) call(t testing.TB, request string, fn func(context.Context) (string, error)) (result string, replayed bool, err error) {
	t.Helper()
	e := newContext(t, "key")
	key, err := idempotency.FromRequest(e, c.member, "call")
	require.NoError(t, err)
	result, err = idempotency.Call(apptest.As(t, c.member), c.Pool, key, request, fn)
	return result, e.Response().Header().Get(idempotency.HeaderReplayed) == "true", err
}

func (c caller) age(t testing.TB, age string) {
	t.Helper()
	c.Exec(t, `update idempotency_keys set created_at = now() - $1::interval`, age)
}

// give returns a function that succeeds.
func give(result string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return result, nil }
}

func TestCallIsMadeOnce(t *testing.T) {
	t.Parallel()
	c := newCaller(t)
	for _, failed := range []func(){
		func() {
			_, _, err := c.call(t, "a", func(context.Context) (string, error) { return "", errors.Conflict("failed") })
			assert.True(t, errors.HasCode(err, errors.CodeConflict), err)
		},
		func() {
			assert.Panics(t, func() { _, _, _ = c.call(t, "a", func(context.Context) (string, error) { panic("failed") }) })
		},
	} {
		failed()
		assert.Zero(t, c.Count(t, `select count(*) from idempotency_keys`), "a failed request must not use up its key")
	}
	result, replayed, err := c.call(t, "a", func(ctx context.Context) (string, error) {
		assert.False(t, db.InTransaction(ctx))
		assert.Zero(t, c.Pool.SQL().Stats().InUse, "connections during the call")
		deadline, _ := ctx.Deadline()
		assert.WithinRange(t, deadline, time.Now().Add(4*time.Minute), time.Now().Add(5*time.Minute))
		_, _, err := c.call(t, "a", give("twice")) //nolint:contextcheck // another request
		assert.True(t, errors.HasCode(err, errors.CodeServiceUnavailable), "meanwhile: %v", err)
		e, _ := errors.AsType[*errors.Error](err)
		assert.Equal(t, time.Second, e.RetryAfter)
		_, _, err = c.call(t, "b", give("twice")) //nolint:contextcheck // another request
		assert.True(t, errors.HasCode(err, errors.CodeConflict), "meanwhile, another request: %v", err)
		return "once", nil
	})
	require.NoError(t, err)
	assert.Equal(t, "once", result)
	assert.False(t, replayed)
	result, replayed, err = c.call(t, "a", give("twice"))
	require.NoError(t, err)
	assert.Equal(t, "once", result)
	assert.True(t, replayed)
	_, _, err = c.call(t, "b", give("twice"))
	assert.True(t, errors.HasCode(err, errors.CodeConflict), "another request: %v", err)

	without, err := idempotency.Call(apptest.As(t, c.member), c.Pool, idempotency.Key{}, "a", give("without a key"))
	require.NoError(t, err)
	assert.Equal(t, "without a key", without)
}

// What happens when the client leaves during a call counts, whether it fails or not.
func TestClientLeavesDuringCall(t *testing.T) {
	t.Parallel()
	c := newCaller(t)
	key, err := idempotency.FromRequest(newContext(t, "key"), c.member, "call")
	require.NoError(t, err)
	for _, want := range []error{context.Canceled, nil} {
		ctx, cancel := context.WithCancel(apptest.As(t, c.member))
		_, err = idempotency.Call(ctx, c.Pool, key, "a", func(context.Context) (string, error) {
			cancel()
			return "done", want
		})
		require.Equal(t, want, err)
	}
	result, replayed, err := c.call(t, "a", give("twice"))
	require.NoError(t, err)
	assert.Equal(t, "done", result)
	assert.True(t, replayed)
}

// The claim of a replica that died ends; a replica that was only stopped does not replace the result
// of the request that took over.
func TestAbandonedClaim(t *testing.T) {
	t.Parallel()
	c := newCaller(t)
	for name, end := range map[string]error{"it succeeds": nil, "it fails": errors.Sentinel("failed")} {
		c.Exec(t, `delete from idempotency_keys`)
		result, _, err := c.call(t, "a", func(context.Context) (string, error) {
			c.age(t, "5 minutes")                     //nolint:contextcheck // not part of the call
			_, _, err := c.call(t, "a", give("next")) //nolint:contextcheck // another request
			assert.True(t, errors.HasCode(err, errors.CodeServiceUnavailable), "too early: %v", err)
			c.age(t, "5 minutes 6 seconds")                  //nolint:contextcheck // not part of the call
			_, replayed, err := c.call(t, "a", give("next")) //nolint:contextcheck // another request
			assert.NoError(t, err)
			assert.False(t, replayed)
			return "late", end
		})
		assert.Equal(t, end, err)
		assert.Equal(t, "late", result)
		result, replayed, err := c.call(t, "a", give("third"))
		require.NoError(t, err, name)
		assert.Equal(t, "next", result, name)
		assert.True(t, replayed, name)
	}
}

// The effects are there: the answer is better than an error, after which the client asks again.
func TestResultThatCannotBeStored(t *testing.T) {
	t.Parallel()
	c := newCaller(t)
	result, _, err := c.call(t, "a", func(context.Context) (string, error) {
		c.Exec(t, `drop table idempotency_keys`) //nolint:contextcheck // not part of the call
		return "done", nil
	})
	require.NoError(t, err)
	assert.Equal(t, "done", result)
}

// part:notes part:llm end
