package integration

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// note creates a note and returns its id.
func (c client) note(title string, more ...map[string]any) string {
	c.t.Helper()
	body := map[string]any{"title": title, "body": "", "tags": []string{}}
	for _, m := range more {
		maps.Copy(body, m)
	}
	res := c.post("/v1/notes", body)
	require.Equal(c.t, http.StatusCreated, res.status, string(res.body))
	return res.text("id")
}

// titles returns the titles of a list of notes.
func (c client) titles(query string) []string {
	c.t.Helper()
	return c.get("/v1/notes" + query).items("title")
}

func TestNoteLifecycle(t *testing.T) {
	t.Parallel()
	ada := start(t, nil).client.register()
	created := ada.post("/v1/notes", map[string]any{"title": "First", "body": "text", "tags": []string{"a", "b", "a"}})
	require.Equal(t, http.StatusCreated, created.status, string(created.body))
	path := created.header.Get("Location")
	assert.Equal(t, "/v1/notes/"+created.text("id"), path)
	assert.Equal(t, []any{"a", "b"}, created.value("tags"), "duplicate tags must be removed")
	assert.Equal(t, ada.userID, created.text("author_id"))
	etag := created.header.Get("ETag")

	got := ada.get(path)
	assert.Equal(t, string(created.body), string(got.body))
	assert.Equal(t, etag, got.header.Get("ETag"))
	head := ada.do(request{method: "HEAD", path: path})
	assert.Equal(t, http.StatusOK, head.status)
	assert.Equal(t, etag, head.header.Get("ETag"))
	unchanged := ada.do(request{method: "GET", path: path, header: map[string]string{"If-None-Match": etag}})
	assert.Equal(t, http.StatusNotModified, unchanged.status)
	assert.Empty(t, unchanged.body)

	patch := func(ifMatch string, body any) response {
		header := map[string]string{}
		if ifMatch != "" {
			header["If-Match"] = ifMatch
		}
		return ada.do(request{method: "PATCH", path: path, header: header, body: body})
	}
	patch("", map[string]any{"title": "Second"}).problem(errors.CodePreconditionRequired)
	patch(`"99"`, map[string]any{"title": "Second"}).problem(errors.CodePreconditionFailed)
	patch(etag, map[string]any{}).problem(errors.CodeValidation)
	changed := patch(etag, map[string]any{"title": "Second"})
	require.Equal(t, http.StatusOK, changed.status, string(changed.body))
	assert.Equal(t, "Second", changed.text("title"))
	assert.Equal(t, "text", changed.text("body"), "omitted fields must stay unchanged")
	assert.NotEqual(t, etag, changed.header.Get("ETag"))
	patch(etag, map[string]any{"title": "Third"}).problem(errors.CodePreconditionFailed)
	assert.Equal(t, http.StatusOK, patch("*", map[string]any{"tags": []string{}}).status)

	ada.do(request{method: "DELETE", path: path, header: map[string]string{"If-Match": etag}}).problem(errors.CodePreconditionFailed)
	assert.Equal(t, http.StatusNoContent, ada.delete(path).status)
	ada.get(path).problem(errors.CodeNotFound)
	ada.delete(path).problem(errors.CodeNotFound)
	patch("*", map[string]any{"title": "x"}).problem(errors.CodeNotFound)
	assert.Equal(t, []string{"note_deleted", "note_updated", "note_updated", "note_created"}, ada.trail("?target_type=note"))
}

func TestInvalidNotesAreRejected(t *testing.T) {
	t.Parallel()
	ada := start(t, nil).client.register()
	note := "/v1/notes/" + ada.note("a note")
	for name, tt := range map[string]struct {
		request request
		field   string
	}{
		"many tags":            {request{method: "POST", path: "/v1/notes", body: `{"title":"x","tags":[` + strings.Repeat(`"a",`, 20) + `"a"]}`}, "tags"},
		"NUL in a tag":         {request{method: "POST", path: "/v1/notes", body: `{"title":"x","tags":["\u0000"]}`}, "tags.0"},
		"a long search":        {request{method: "GET", path: "/v1/notes?q=" + strings.Repeat("x", 201)}, "q"},
		"NUL in a tag filter":  {request{method: "GET", path: "/v1/notes?tag=%00"}, "tag"},
		"an unknown filter":    {request{method: "GET", path: "/v1/notes?tags=a"}, "tags"},
		"a malformed If-Match": {request{method: "PATCH", path: note, body: `{"title":"y"}`, header: map[string]string{"If-Match": "canary"}}, "If-Match"},
	} {
		res := ada.do(tt.request)
		res.problem(errors.CodeValidation)
		assert.Equal(t, []string{tt.field}, res.fields(), name)
	}
	assert.Equal(t, []string{"a note"}, ada.titles(""))
}

func TestConcurrentUpdatesOfOneVersion(t *testing.T) {
	t.Parallel()
	ada := start(t, nil).client.register()
	path := "/v1/notes/" + ada.note("contested")
	etag := ada.get(path).header.Get("ETag")
	statuses := make(chan int, 10)
	for i := range cap(statuses) {
		go func() {
			res, err := ada.try(request{method: "PATCH", path: path, header: map[string]string{"If-Match": etag}, body: fmt.Sprintf(`{"title":"%d"}`, i)})
			assert.NoError(t, err)
			statuses <- res.status
		}()
	}
	won := 0
	for range cap(statuses) {
		if status := <-statuses; status == http.StatusOK {
			won++
		} else {
			assert.Equal(t, http.StatusPreconditionFailed, status)
		}
	}
	assert.Equal(t, 1, won)
}

func TestNoteListPages(t *testing.T) {
	t.Parallel()
	ada := start(t, nil).client.register()
	var want []string
	for i := range 25 {
		want = append([]string{fmt.Sprintf("note %d", i)}, want...) // newest first
		ada.note(want[0])
	}
	assert.Len(t, ada.titles(""), 20, "the default limit")
	var got []string
	cursor := ""
	for {
		query := "/v1/notes?limit=7"
		if cursor != "" {
			query += "&cursor=" + url.QueryEscape(cursor)
			ada.note("added between pages") // must not shift the pages
		}
		res := ada.get(query)
		got = append(got, res.items("title")...)
		next, more := res.value("next_cursor").(string)
		if !more {
			break
		}
		cursor = next
	}
	assert.Equal(t, want, got, "every note exactly once")

	res := ada.get("/v1/notes?limit=1&q=note")
	other := url.QueryEscape(res.text("next_cursor"))
	ada.get("/v1/notes?limit=1&cursor=" + other).problem(errors.CodeValidation)
	assert.Equal(t, http.StatusOK, ada.get("/v1/notes?limit=1&q=note&cursor="+other).status)
	assert.Equal(t, "[]", fmt.Sprint(ada.register().get("/v1/notes").value("items")), "an empty list must not be null")
}

func TestNoteSearch(t *testing.T) {
	t.Parallel()
	ada := start(t, nil).client.register()
	ada.note("Groceries", map[string]any{"body": "bread and butter", "tags": []string{"home"}})
	ada.note("Meeting", map[string]any{"body": "agenda: butter prices", "tags": []string{"work", "home"}})
	ada.note("Naïve café", map[string]any{"tags": []string{"work"}})
	for query, want := range map[string][]string{
		"?q=butter":            {"Meeting", "Groceries"},
		"?q=BUTTER":            {"Meeting", "Groceries"},
		"?q=butter+-bread":     {"Meeting"},
		"?q=bread+or+agenda":   {"Meeting", "Groceries"},
		"?q=%22and+butter%22":  {"Groceries"},
		"?q=na%C3%AFve":        {"Naïve café"},
		"?tag=home":            {"Meeting", "Groceries"},
		"?tag=work&q=butter":   {"Meeting"},
		"?q=nothing":           nil,
		"?q=%27%3B+drop+table": nil,
		"?tag=none":            nil,
	} {
		assert.Equal(t, want, ada.titles(query), query)
	}
}

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	ada := s.client.register()
	create := func(c client, key, title string) response {
		c.t.Helper()
		res, err := c.try(request{method: "POST", path: "/v1/notes", header: map[string]string{"Idempotency-Key": key}, body: map[string]any{"title": title}})
		assert.NoError(c.t, err)
		return res
	}
	var (
		all      sync.WaitGroup
		mu       sync.Mutex
		ids      = map[string]int{}
		replayed int
	)
	for range 10 {
		all.Go(func() {
			res := create(ada, "key-1", "once")
			mu.Lock()
			defer mu.Unlock()
			if assert.Equal(t, http.StatusCreated, res.status, string(res.body)) {
				ids[res.text("id")]++
				assert.NotEmpty(t, res.header.Get("ETag"))
				assert.NotEmpty(t, res.header.Get("Location"))
			}
			if res.header.Get("Idempotency-Replayed") == "true" {
				replayed++
			}
		})
	}
	all.Wait()
	assert.Len(t, ids, 1, "number of notes")
	assert.Equal(t, 9, replayed)
	assert.Equal(t, []string{"once"}, ada.titles(""))

	create(ada, "key-1", "something else").problem(errors.CodeConflict)
	assert.Equal(t, http.StatusCreated, create(ada, "key-2", "once").status, "another key")
	assert.Equal(t, http.StatusCreated, create(s.client.register(), "key-1", "once").status, "the same key of another user")
	for _, bad := range []string{"", strings.Repeat("x", 256), "caf\u00e9"} {
		res := create(ada, bad, "once")
		res.problem(errors.CodeValidation)
		assert.Equal(t, []string{"Idempotency-Key"}, res.fields())
	}
	invalid := create(ada, "key-3", "")
	invalid.problem(errors.CodeValidation)
	assert.Equal(t, http.StatusCreated, create(ada, "key-3", "now valid").status, "a rejected request must not use up its key")
}

func TestAnotherTenantSeesNothing(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	ada, bob := s.client.register(), s.client.register()
	path := "/v1/notes/" + ada.note("private matter", map[string]any{"tags": []string{"secret"}})
	before := ada.get(path)

	bob.get(path).problem(errors.CodeNotFound)
	bob.do(request{method: "PATCH", path: path, header: map[string]string{"If-Match": before.header.Get("ETag")}, body: `{"title":"mine"}`}).
		problem(errors.CodeNotFound)
	bob.do(request{method: "PATCH", path: path, header: map[string]string{"If-Match": "*"}, body: `{"title":"mine"}`}).problem(errors.CodeNotFound)
	bob.delete(path).problem(errors.CodeNotFound)
	for _, query := range []string{"", "?q=private", "?tag=secret"} {
		assert.Empty(t, bob.titles(query), query)
	}
	// The response is the same as for a note that does not exist.
	unknown, foreign := bob.get("/v1/notes/"+uuid.NewString()), bob.get(path)
	assert.Equal(t, unknown.text("detail"), foreign.text("detail"))
	assert.Equal(t, string(before.body), string(ada.get(path).body), "the note must be unchanged")
}

// A key that may write but not read learns nothing about what it changes.
func TestWriteOnlyKeyGetsNoContent(t *testing.T) {
	t.Parallel()
	ada := start(t, nil).client.register()
	_, writer := ada.key("notes:write")
	_, manager := ada.key("users:write", "notes:read") // the permissions of a viewer
	id, member := ada.note("secret title"), ada.member("member")
	patch := func(key, path string, body map[string]any) response {
		return client{t: t, base: ada.base}.do(request{
			method: "PATCH", path: path, body: body, header: map[string]string{"X-API-Key": key, "If-Match": `"1"`},
		})
	}
	res := patch(writer, "/v1/notes/"+id, map[string]any{"tags": []string{"a"}})
	assert.Equal(t, []any{204, `"2"`, 0}, []any{res.status, res.header.Get("ETag"), len(res.body)}, string(res.body))
	res = patch(manager, "/v1/users/"+member.userID, map[string]any{"role": "viewer"})
	assert.Equal(t, []any{204, 0}, []any{res.status, len(res.body)}, string(res.body))
}
