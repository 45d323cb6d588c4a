package paging_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/paging"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// ids is a list of ids, newest first, as a table has it.
type ids []uuid.UUID

func newIDs(t testing.TB, n int) ids {
	t.Helper()
	list := make(ids, n)
	for i := range list {
		id, err := uuid.NewV7()
		require.NoError(t, err)
		list[n-1-i] = id
	}
	return list
}

func (list ids) before(before uuid.UUID, limit int) (ids, error) {
	if before != uuid.Nil {
		list = list[slices.IndexFunc(list, func(id uuid.UUID) bool { return bytes.Compare(id[:], before[:]) < 0 }):]
	}
	return list[:min(limit, len(list))], nil
}

func itself(id uuid.UUID) uuid.UUID { return id }

func (list ids) page(q paging.Query, filter ...string) (paging.Page[uuid.UUID], error) {
	return paging.Load(q, filter, itself, func(before uuid.UUID, limit int) ([]uuid.UUID, error) { return list.before(before, limit) })
}

func TestPagesAreTheList(t *testing.T) {
	t.Parallel()
	list := newIDs(t, 7)
	tests := map[string]struct {
		limit int
		want  []int // the sizes of the pages
	}{
		"one by one":        {1, []int{1, 1, 1, 1, 1, 1, 1}},
		"a rest":            {3, []int{3, 3, 1}},
		"a rest of one":     {6, []int{6, 1}},
		"exactly":           {7, []int{7}},
		"more than exactly": {8, []int{7}},
		"the default":       {0, []int{7}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var all []uuid.UUID
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
			assert.Equal(t, []uuid.UUID(list), all)
			assert.Equal(t, tt.want, sizes)
		})
	}
}

func TestZeroQuery(t *testing.T) {
	t.Parallel()
	list := newIDs(t, 21)
	for _, limit := range []int{0, -1} {
		page, err := list.page(paging.Query{Limit: limit})
		require.NoError(t, err)
		assert.Len(t, page.Items, 20)
		assert.NotNil(t, page.NextCursor)
	}
}

func TestEmptyPage(t *testing.T) {
	t.Parallel()
	page, err := paging.Load(paging.Query{}, nil, itself, func(uuid.UUID, int) ([]uuid.UUID, error) { return nil, nil })
	require.NoError(t, err)
	text, err := json.Marshal(page)
	require.NoError(t, err)
	assert.JSONEq(t, `{"items": [], "next_cursor": null}`, string(text))
}

func TestFailureIsPassedOn(t *testing.T) {
	t.Parallel()
	failure := errors.Sentinel("the database is away")
	page, err := paging.Load(paging.Query{}, nil, itself, func(uuid.UUID, int) ([]uuid.UUID, error) { return newIDs(t, 1), failure })
	require.ErrorIs(t, err, failure)
	assert.Empty(t, page)
}

// A cursor that nobody could use is not given out.
func TestIDsThatHaveNoOrder(t *testing.T) {
	t.Parallel()
	for name, id := range map[string]uuid.UUID{"random": uuid.New(), "zero": uuid.Nil, "all ones": uuid.Max} {
		_, err := ids{id, id}.page(paging.Query{Limit: 1})
		assert.True(t, errors.HasCode(err, errors.CodeInternal), "%s: %v", name, err)
		_, err = ids{id}.page(paging.Query{Limit: 1})
		assert.NoError(t, err, "%s, on the last page", name)
	}
}
