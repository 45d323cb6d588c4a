package notes_test

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/app/audit"
	"github.com/netrun-systems/go-service-template/internal/app/idempotency"
	"github.com/netrun-systems/go-service-template/internal/app/notes"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
	"github.com/netrun-systems/go-service-template/internal/platform/server/request"
)

func TestMain(m *testing.M) { platformtest.Main(m) }

// fixture is the feature on its own database.
type fixture struct {
	*apptest.Database
	echo *echo.Echo
}

func newFixture(t testing.TB) fixture {
	t.Helper()
	d, e := apptest.NewDatabase(t), apptest.Router()
	h := notes.NewHandler(notes.NewService(d.Pool, audit.NewTrail(d.Pool)))
	e.GET("/v1/notes", apptest.Handler(h.List))
	e.POST("/v1/notes", apptest.Handler(h.Create))
	e.GET("/v1/notes/:id", apptest.Handler(h.Get))
	e.PATCH("/v1/notes/:id", apptest.Handler(h.Update))
	e.DELETE("/v1/notes/:id", apptest.Handler(h.Delete))
	return fixture{d, e}
}

func (f fixture) call(t testing.TB, p auth.Principal, method, path, body string, edits ...func(*http.Request)) apptest.Response {
	t.Helper()
	return apptest.Call(t, f.echo, p, method, path, body, edits...)
}

func (f fixture) create(t testing.TB, p auth.Principal, body string) (path string) {
	t.Helper()
	created := f.call(t, p, "POST", "/v1/notes", body)
	require.Equal(t, http.StatusCreated, created.Status, created.Body)
	return created.Header.Get("Location")
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func TestNoteLifecycle(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ada := f.Member(t, f.Tenant(t), access.RoleMember)
	path := f.create(t, ada, `{"title":"First","body":"Hello","tags":["b","a"]}`)
	got := f.call(t, ada, "GET", path, "")
	assert.Equal(t, `"1"`, got.Header.Get("ETag"))
	assert.Equal(t, ada.UserID.String(), got.Body["author_id"])

	f.call(t, ada, "PATCH", path, `{"title":"Second"}`).Problem(t, errors.CodePreconditionRequired)
	f.call(t, ada, "PATCH", path, `{"title":"Second"}`, header("If-Match", `"7"`)).Problem(t, errors.CodePreconditionFailed)
	assert.Equal(t, 1, f.Count(t, `select count(*) from notes where title = 'First' and version = 1`))
	changed := f.call(t, ada, "PATCH", path, `{"title":"Second"}`, header("If-Match", `"1"`))
	require.Equal(t, http.StatusOK, changed.Status, changed.Body)
	assert.Equal(t, `"2"`, changed.Header.Get("ETag"))
	assert.Equal(t, "Hello", changed.Body["body"], "omitted fields must stay unchanged")

	f.call(t, ada, "DELETE", path, "", header("If-Match", `"1"`)).Problem(t, errors.CodePreconditionFailed)
	assert.Equal(t, http.StatusNoContent, f.call(t, ada, "DELETE", path, "").Status)
	f.call(t, ada, "GET", path, "").Problem(t, errors.CodeNotFound)
	for _, event := range []string{"note_created", "note_updated", "note_deleted"} { // not of the rejected requests
		assert.Equal(t, 1, f.Count(t, `
			select count(*) from audit_events where event = $1 and target_type = 'note' and target_id = $2 and actor_id = $3 and tenant_id = $4`,
			event, strings.TrimPrefix(path, "/v1/notes/"), ada.UserID, ada.TenantID), event)
	}
}

// failing is an audit trail that cannot be written.
type failing struct{}

func (failing) Record(context.Context, audit.Entry) error {
	return errors.Sentinel("the trail is down")
}

func TestChangeWithoutAuditEntryIsRolledBack(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ada := f.Member(t, f.Tenant(t), access.RoleMember)
	id := uuid.MustParse(f.create(t, ada, `{"title":"First"}`)[len("/v1/notes/"):])
	s, ctx, title := notes.NewService(f.Pool, failing{}), apptest.As(t, ada), "Second"
	_, err := s.Create(ctx, ada, notes.CreateRequest{Title: "Other"}, idempotency.Key{})
	assert.ErrorContains(t, err, "the trail is down")
	_, err = s.Update(ctx, id, notes.UpdateRequest{Title: &title}, request.ETags{"*"})
	assert.ErrorContains(t, err, "the trail is down")
	assert.ErrorContains(t, s.Delete(ctx, id, request.ETags{"*"}), "the trail is down")
	assert.Equal(t, 1, f.Count(t, `select count(*) from notes where title = 'First' and version = 1`))
	assert.Equal(t, 1, f.Count(t, `select count(*) from notes`))
}

func TestNotesOfAnotherTenantAreNotFound(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ada, eve := f.Member(t, f.Tenant(t), access.RoleOwner), f.Member(t, f.Tenant(t), access.RoleOwner)
	path := f.create(t, ada, `{"title":"Secret"}`)
	for _, method := range []string{"GET", "PATCH", "DELETE"} {
		f.call(t, eve, method, path, `{"title":"Mine"}`, header("If-Match", `"1"`)).Problem(t, errors.CodeNotFound)
	}
	assert.Empty(t, f.call(t, eve, "GET", "/v1/notes", "").Items(t, "title"))
	assert.Equal(t, 1, f.Count(t, `select count(*) from notes where title = 'Secret' and version = 1`))
}

func TestListFiltersAndPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ada := f.Member(t, f.Tenant(t), access.RoleMember)
	for i, fruit := range []string{"apple", "pear", "apple", "plum", "apple"} {
		f.create(t, ada, `{"title":"`+strconv.Itoa(i)+`","body":"about a `+fruit+`","tags":["`+fruit+`"]}`)
	}
	for query, want := range map[string]string{
		"?limit=2":                   "43,21,0",
		"?limit=2&tag=apple":         "42,0",
		"?limit=5&q=about+-apple":    "31",
		"?limit=100&q=plum&tag=pear": "",
	} {
		assert.Equal(t, want, apptest.Pages(t, "title", func(cursor string) apptest.Response {
			return f.call(t, ada, "GET", "/v1/notes"+query+"&cursor="+cursor, "")
		}), query)
	}
}

func TestInvalidNotes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ada := f.Member(t, f.Tenant(t), access.RoleMember)
	for body, field := range map[string]string{
		`{}`:                         "title",
		`{"title":" "}`:              "title",
		`{"title":"a","colour":"b"}`: "colour",
		`{"title":7}`:                "title",
		`{"title":"` + strings.Repeat("a", 201) + `"}`:             "title",
		`{"title":"a","body":"b\u0000"}`:                           "body",
		`{"title":"a","tags":["` + strings.Repeat("a", 51) + `"]}`: "tags.0",
	} {
		assert.Equal(t, []string{field}, f.call(t, ada, "POST", "/v1/notes", body).Problem(t, errors.CodeValidation), body)
	}
	f.call(t, auth.Principal{}, "POST", "/v1/notes", `{"title":"a"}`).Problem(t, errors.CodeAuthRequired)
	assert.Zero(t, f.Count(t, `select count(*) from notes`))
}

func TestRepeatedRequestCreatesOneNote(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ada := f.Member(t, f.Tenant(t), access.RoleMember)
	key := header("Idempotency-Key", "order-1")
	first := f.call(t, ada, "POST", "/v1/notes", `{"title":"Once"}`, key)
	again := f.call(t, ada, "POST", "/v1/notes", `{"title":"Once"}`, key)
	assert.Equal(t, first.Body, again.Body)
	assert.Equal(t, "true", again.Header.Get("Idempotency-Replayed"))
	f.call(t, ada, "POST", "/v1/notes", `{"title":"Other"}`, key).Problem(t, errors.CodeConflict)
	assert.Equal(t, 1, f.Count(t, `select count(*) from notes`))
}
