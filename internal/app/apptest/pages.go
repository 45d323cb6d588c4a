package apptest

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Items returns a member of each item of a list, one text after the other.
func (a Answer) Items(t testing.TB, member string) string {
	t.Helper()
	require.Equal(t, http.StatusOK, a.Status, a.Body)
	list, ok := a.Body["items"].([]any)
	require.True(t, ok, a.Body)
	var all strings.Builder
	for _, item := range list {
		text, ok := item.(map[string]any)[member].(string)
		require.True(t, ok, item)
		all.WriteString(text)
	}
	return all.String()
}

// Pages reads a list to its end, and returns what [Answer.Items] says of each page, with a comma between two. The cursor of the
// first page is empty.
func Pages(t testing.TB, member string, get func(cursor string) Answer) string {
	t.Helper()
	const enough = 100 // of a list that has no end
	var pages []string
	for cursor := ""; len(pages) < enough; {
		page := get(cursor)
		pages = append(pages, page.Items(t, member))
		require.Contains(t, page.Body, "next_cursor")
		next := page.Body["next_cursor"]
		if next == nil {
			break
		}
		var ok bool
		cursor, ok = next.(string)
		require.True(t, ok, next)
	}
	return strings.Join(pages, ",")
}
