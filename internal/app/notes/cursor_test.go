package notes

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

func TestCursorComesBack(t *testing.T) {
	t.Parallel()
	id, err := uuid.NewV7()
	require.NoError(t, err)
	for _, f := range []Filter{{}, {Query: "a"}, {Tag: "a"}, {Query: "a", Tag: "b"}} {
		got, err := decodeCursor(encodeCursor(id, f), f)
		require.NoError(t, err)
		assert.Equal(t, id, got)
	}
}

func TestCursorIsForItsFilter(t *testing.T) {
	t.Parallel()
	id, err := uuid.NewV7()
	require.NoError(t, err)
	cursor := encodeCursor(id, Filter{Query: "ab", Tag: "c"})
	for _, other := range []Filter{{}, {Query: "ab"}, {Query: "a", Tag: "bc"}, {Query: "abc"}} {
		_, err := decodeCursor(cursor, other)
		assert.True(t, errors.HasCode(err, errors.CodeValidation), "%+v", other)
	}
}

func FuzzDecodeCursor(f *testing.F) {
	id := uuid.MustParse("01890a5d-ac96-774b-bcce-b302099a8057")
	f.Add(encodeCursor(id, Filter{}))
	f.Add("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Add("\n")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := decodeCursor(text, Filter{})
		if err != nil {
			assert.True(t, errors.HasCode(err, errors.CodeValidation))
			return
		}
		assert.Equal(t, text, encodeCursor(got, Filter{}), "one position has one spelling")
	})
}
