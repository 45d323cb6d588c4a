package integration

import (
	"fmt"
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

func TestNoteLivesAndDies(t *testing.T) {
	t.Parallel()
	ada := start(t, nil).client.register()
	created := ada.post("/v1/notes", map[string]any{"title": "First", "body": "text", "tags": []string{"a", "b", "a"}})
	require.Equal(t, http.StatusCreated, created.status, string(created.body))
	path := created.header.Get("Location")
	assert.Equal(t, "/v1/notes/"+created.text("id"), path)
	assert.Equal(t, []any{"a", "b"}, created.value("tags"), "each tag once")
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
	assert.Equal(t, "text", changed.text("body"), "what is not named stays")
	assert.NotEqual(t, etag, changed.header.Get("ETag"))
	patch(etag, map[string]any{"title": "Third"}).problem(errors.CodePreconditionFailed)
	assert.Equal(t, http.StatusOK, patch("*", map[string]any{"tags": []string{}}).status)

	ada.do(request{method: "DELETE", path: path, header: map[string]string{"If-Match": etag}}).problem(errors.CodePreconditionFailed)
	assert.Equal(t, http.StatusNoContent, ada.do(request{method: "DELETE", path: path}).status)
	ada.get(path).problem(errors.CodeNotFound)
	ada.do(request{method: "DELETE", path: path}).problem(errors.CodeNotFound)
	patch("*", map[string]any{"title": "x"}).problem(errors.CodeNotFound)
}

func TestOnlyOneOfManyConcurrentChangesWins(t *testing.T) {
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

func TestListPages(t *testing.T) {
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
			ada.note("new while somebody reads on") // must not move the pages
		}
		res := ada.get(query)
		for _, item := range res.value("items").([]any) {
			got = append(got, item.(map[string]any)["title"].(string))
		}
		next, more := res.value("next_cursor").(string)
		if !more {
			break
		}
		cursor = next
	}
	assert.Equal(t, want, got, "every note once")

	res := ada.get("/v1/notes?limit=1&q=note")
	other := url.QueryEscape(res.text("next_cursor"))
	ada.get("/v1/notes?limit=1&cursor=" + other).problem(errors.CodeValidation)
	assert.Equal(t, http.StatusOK, ada.get("/v1/notes?limit=1&q=note&cursor="+other).status)
	assert.Equal(t, "[]", fmt.Sprint(ada.register().get("/v1/notes").value("items")), "an empty list is a list")
}

func TestListFinds(t *testing.T) {
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
	assert.Len(t, ids, 1, "one note")
	assert.Equal(t, 9, replayed)
	assert.Equal(t, []string{"once"}, ada.titles(""))

	create(ada, "key-1", "something else").problem(errors.CodeConflict)
	assert.Equal(t, http.StatusCreated, create(ada, "key-2", "once").status, "another key is another request")
	assert.Equal(t, http.StatusCreated, create(s.client.register(), "key-1", "once").status, "and so is another user")
	for _, bad := range []string{"", strings.Repeat("x", 256), "caf\u00e9"} {
		res := create(ada, bad, "once")
		res.problem(errors.CodeValidation)
		assert.Equal(t, []string{"Idempotency-Key"}, res.fields())
	}
	invalid := create(ada, "key-3", "")
	invalid.problem(errors.CodeValidation)
	assert.Equal(t, http.StatusCreated, create(ada, "key-3", "now valid").status, "a refused request uses up no key")
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
	bob.do(request{method: "DELETE", path: path}).problem(errors.CodeNotFound)
	for _, query := range []string{"", "?q=private", "?tag=secret"} {
		assert.Empty(t, bob.titles(query), query)
	}
	// The answer is the same as for a note that does not exist.
	unknown, foreign := bob.get("/v1/notes/"+uuid.NewString()), bob.get(path)
	assert.Equal(t, unknown.text("detail"), foreign.text("detail"))
	assert.Equal(t, string(before.body), string(ada.get(path).body), "untouched")
}
