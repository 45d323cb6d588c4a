package paging_test

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/paging"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// positions is a list, newest first.
type positions []paging.Position

// start has the precision of the database.
var start = time.Date(2026, 1, 31, 12, 0, 0, 123456000, time.UTC)

// newPositions returns a list with two items of each time.
func newPositions(n int) positions {
	list := make(positions, n)
	for i := range list {
		list[i] = paging.Position{Time: start.Add(time.Duration((n-1-i)/2) * time.Microsecond), ID: uuid.New()}
	}
	slices.SortFunc(list, func(a, b paging.Position) int { return compare(b, a) })
	return list
}

func compare(a, b paging.Position) int {
	return cmp.Or(a.Time.Compare(b.Time), bytes.Compare(a.ID[:], b.ID[:]))
}

func (list positions) after(after paging.Position, limit int) (positions, error) {
	if !after.IsZero() {
		list = list[slices.IndexFunc(list, func(p paging.Position) bool { return compare(p, after) < 0 }):]
	}
	return list[:min(limit, len(list))], nil
}

func itself(p paging.Position) paging.Position { return p }

func (list positions) page(q paging.Query, filter ...string) (paging.Page[paging.Position], error) {
	return paging.Load(q, filter, itself, func(after paging.Position, limit int) ([]paging.Position, error) { return list.after(after, limit) })
}

func TestPagesContainWholeList(t *testing.T) {
	t.Parallel()
	list := newPositions(7)
	tests := map[string]struct {
		limit int
		want  []int // the sizes of the pages
	}{
		"one by one":         {1, []int{1, 1, 1, 1, 1, 1, 1}},
		"last page shorter":  {3, []int{3, 3, 1}},
		"last page of one":   {6, []int{6, 1}},
		"one full page":      {7, []int{7}},
		"limit above length": {8, []int{7}},
		"the default":        {0, []int{7}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var all []paging.Position
			var sizes []int
			for q := (paging.Query{Limit: tt.limit}); ; {
				page, err := list.page(q)
				require.NoError(t, err)
				all, sizes = append(all, page.Items...), append(sizes, len(page.Items))
				if page.NextCursor == nil {
					break
				}
				q.Cursor = *page.NextCursor
			}
			assert.Equal(t, []paging.Position(list), all)
			assert.Equal(t, tt.want, sizes)
		})
	}
}

func TestZeroQuerySelectsFirstPage(t *testing.T) {
	t.Parallel()
	list := newPositions(21)
	for _, limit := range []int{0, -1} {
		page, err := list.page(paging.Query{Limit: limit})
		require.NoError(t, err)
		assert.Len(t, page.Items, 20)
		assert.NotNil(t, page.NextCursor)
	}
}

func TestEmptyPageIsEmptyArray(t *testing.T) {
	t.Parallel()
	page, err := paging.Load(paging.Query{}, nil, itself, func(paging.Position, int) ([]paging.Position, error) { return nil, nil })
	require.NoError(t, err)
	text, err := json.Marshal(page)
	require.NoError(t, err)
	assert.JSONEq(t, `{"items": [], "next_cursor": null}`, string(text))
}

func TestLoadReturnsError(t *testing.T) {
	t.Parallel()
	failure := errors.Sentinel("the database is unavailable")
	page, err := paging.Load(paging.Query{}, nil, itself, func(paging.Position, int) ([]paging.Position, error) { return newPositions(1), failure })
	require.ErrorIs(t, err, failure)
	assert.Empty(t, page)
}

// Imported rows have ids of any version.
func TestCursorHoldsAnyID(t *testing.T) {
	t.Parallel()
	for _, id := range []uuid.UUID{uuid.New(), uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewUUID()), uuid.Nil, uuid.Max} {
		for _, at := range []time.Time{start, time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1969, 12, 31, 0, 0, 0, 1000, time.UTC), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)} {
			want := paging.Position{Time: at, ID: id}
			got, err := position(cursorAfter(t, want))
			require.NoError(t, err, want)
			assert.Equal(t, want, got)
		}
	}
}

func read(t testing.TB, query string) (paging.Query, error) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/?"+query, nil)
	return paging.FromRequest(echo.New().NewContext(r, httptest.NewRecorder()))
}

func TestFromRequest(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("A", 100)
	for query, want := range map[string]paging.Query{
		"":                     {Limit: 20},
		"limit=1":              {Limit: 1},
		"limit=100&cursor=abc": {Limit: 100, Cursor: "abc"},
		"cursor=":              {Limit: 20},
		"cursor=" + long:       {Limit: 20, Cursor: long},
		"other=x":              {Limit: 20},
	} {
		got, err := read(t, query)
		require.NoError(t, err, query)
		assert.Equal(t, want, got, query)
	}
	for query, want := range map[string]string{
		"limit=0": "limit", "limit=101": "limit", "limit=-1": "limit", "limit=": "limit", "limit=x": "limit", "limit=1.5": "limit",
		"limit=1&limit=1": "limit", "limit=99999999999999999999": "limit", "limit=x&cursor=%00": "limit",
		"cursor=" + long + "A": "cursor", "cursor=%00": "cursor", "cursor=%ff": "cursor", "cursor=a&cursor=a": "cursor",
	} {
		_, err := read(t, query)
		require.True(t, errors.HasCode(err, errors.CodeValidation), "%s: %v", query, err)
		fields, _ := errors.From(err).Details["fields"].([]errors.FieldError)
		require.Len(t, fields, 1)
		assert.Equal(t, want, fields[0].Field, query)
	}
}

// cursorAfter returns the cursor for the page after p.
func cursorAfter(t testing.TB, p paging.Position, filter ...string) string {
	t.Helper()
	page, err := positions{p, p}.page(paging.Query{Limit: 1}, filter...)
	require.NoError(t, err)
	return *page.NextCursor
}

// position returns the position in a cursor.
func position(cursor string, filter ...string) (got paging.Position, err error) {
	_, err = paging.Load(paging.Query{Cursor: cursor}, filter, itself, func(after paging.Position, _ int) ([]paging.Position, error) {
		got = after
		return nil, nil
	})
	return got, err
}

func requireInvalid(t testing.TB, err error, what any) {
	t.Helper()
	require.True(t, errors.HasCode(err, errors.CodeValidation), "%v: %v", what, err)
	fields, _ := errors.From(err).Details["fields"].([]errors.FieldError)
	require.Len(t, fields, 1)
	assert.Equal(t, "cursor", fields[0].Field)
	assert.Equal(t, "cursor", fields[0].Rule)
}

func TestCursorRequiresSameFilter(t *testing.T) {
	t.Parallel()
	at := newPositions(1)[0]
	filters := [][]string{nil, {""}, {"", ""}, {"ab", "c"}, {"a", "bc"}, {"abc", ""}, {"", "abc"}, {"a\x00b", "c"}, {"a", "b\x00c"}, {"2:ab1:c"}}
	for i, of := range filters {
		cursor := cursorAfter(t, at, of...)
		for j, with := range filters {
			got, err := position(cursor, with...)
			if i == j {
				require.NoError(t, err, "%q", of)
				assert.Equal(t, at, got)
				continue
			}
			requireInvalid(t, err, with)
		}
	}
}

func TestInvalidCursors(t *testing.T) {
	t.Parallel()
	at := newPositions(1)[0]
	good := cursorAfter(t, at)
	raw, err := base64.RawURLEncoding.DecodeString(good)
	require.NoError(t, err)
	with := func(i int, b byte) string {
		changed := append([]byte{}, raw...)
		changed[i] = b
		return base64.RawURLEncoding.EncodeToString(changed)
	}
	tests := map[string]string{
		"no base64":           "!",
		"a line break":        good + "\n",
		"line breaks only":    strings.Repeat("\n", len(good)),
		"a line break inside": good[:4] + "\n" + good[4:],
		"padding":             good + "==",
		"unused bits set":     good[:len(good)-1] + string(good[len(good)-1]+1),
		"cut":                 good[:len(good)-4],
		"longer":              good + "AAAA",
		"zero bytes":          strings.Repeat("A", len(good)),
		"another version":     with(0, 1),
		"a year out of range": with(1, 0x7f),
		"a year before 1":     with(1, 0x80),
		"another fingerprint": with(len(raw)-1, raw[len(raw)-1]+1),
		"an id":               at.ID.String(),
		"no fingerprint":      base64.RawURLEncoding.EncodeToString(raw[:25]),
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := position(text)
			requireInvalid(t, err, text)
		})
	}
}

func FuzzCursor(f *testing.F) {
	at := paging.Position{Time: start, ID: uuid.MustParse("01890a5d-ac96-774b-bcce-b302099a8057")}
	f.Add(cursorAfter(f, at, "member_added"), "member_added")
	f.Add(cursorAfter(f, at), "member_added")
	f.Add("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "")
	f.Add("\n", "")
	f.Fuzz(func(t *testing.T, text, filter string) {
		if text == "" {
			return // the first page
		}
		got, err := position(text, filter)
		if err != nil {
			requireInvalid(t, err, text)
			return
		}
		assert.Equal(t, text, cursorAfter(t, got, filter), "a position must have one encoding")
	})
}
