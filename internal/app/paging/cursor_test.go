package paging_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/paging"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// cursorAfter returns the cursor that leads on from id.
func cursorAfter(t testing.TB, id uuid.UUID, filter ...string) string {
	t.Helper()
	page, err := ids{id, id}.page(paging.Query{Limit: 1}, filter...)
	require.NoError(t, err)
	return *page.NextCursor
}

// position returns where a cursor leads to.
func position(cursor string, filter ...string) (got uuid.UUID, err error) {
	_, err = paging.Load(paging.Query{Cursor: cursor}, filter, itself, func(before uuid.UUID, _ int) ([]uuid.UUID, error) {
		got = before
		return nil, nil
	})
	return got, err
}

func requireRefused(t testing.TB, err error, what any) {
	t.Helper()
	require.True(t, errors.HasCode(err, errors.CodeValidation), "%v: %v", what, err)
	fields, _ := errors.From(err).Details["fields"].([]errors.FieldError)
	require.Len(t, fields, 1)
	assert.Equal(t, "cursor", fields[0].Field)
	assert.Equal(t, "cursor", fields[0].Rule)
}

func TestCursorIsForItsFilter(t *testing.T) {
	t.Parallel()
	id := newIDs(t, 1)[0]
	filters := [][]string{nil, {""}, {"", ""}, {"ab", "c"}, {"a", "bc"}, {"abc", ""}, {"", "abc"}, {"a\x00b", "c"}, {"a", "b\x00c"}, {"2:ab1:c"}}
	for i, of := range filters {
		cursor := cursorAfter(t, id, of...)
		for j, with := range filters {
			got, err := position(cursor, with...)
			if i == j {
				require.NoError(t, err, "%q", of)
				assert.Equal(t, id, got)
				continue
			}
			requireRefused(t, err, with)
		}
	}
}

func TestCursorIsReadStrictly(t *testing.T) {
	t.Parallel()
	id := newIDs(t, 1)[0]
	good := cursorAfter(t, id)
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
		"a bit too many":      good[:len(good)-1] + string(good[len(good)-1]+1), // that no byte has
		"cut":                 good[:len(good)-4],
		"longer":              good + "AAAA",
		"zero bytes":          strings.Repeat("A", len(good)),
		"another version":     with(0, 2),
		"an id of UUIDv4":     with(7, raw[7]&0x0f|0x40),
		"an id of no variant": with(9, 0xff),
		"another fingerprint": with(len(raw)-1, raw[len(raw)-1]+1),
		"an id":               id.String(),
		"no fingerprint":      base64.RawURLEncoding.EncodeToString(raw[:17]),
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := position(text)
			requireRefused(t, err, text)
		})
	}
}

func FuzzCursor(f *testing.F) {
	id := uuid.MustParse("01890a5d-ac96-774b-bcce-b302099a8057")
	f.Add(cursorAfter(f, id, "member_added"), "member_added")
	f.Add(cursorAfter(f, id), "member_added")
	f.Add("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "")
	f.Add("\n", "")
	f.Fuzz(func(t *testing.T, text, filter string) {
		if text == "" {
			return // the first page
		}
		got, err := position(text, filter)
		if err != nil {
			requireRefused(t, err, text)
			return
		}
		assert.Equal(t, text, cursorAfter(t, got, filter), "one position has one spelling")
	})
}
