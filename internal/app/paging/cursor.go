package paging

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"github.com/google/uuid"
)

// A cursor is the id of the last item of a page and the fingerprint of the filter that it was made for, so that it is not used
// with another one. It grants nothing: whoever makes one up sees what they may see anyhow, from another position on.
const (
	cursorVersion     = 1
	fingerprintLength = 8
	cursorLength      = 1 + len(uuid.UUID{}) + fingerprintLength
)

var encoding = base64.RawURLEncoding

func encode(last uuid.UUID, filter []string) string {
	b := append([]byte{cursorVersion}, last[:]...)
	return encoding.EncodeToString(append(b, fingerprint(filter)...))
}

// decode takes the one text that encode makes for an id and a filter. Base64 has more spellings of the same bytes.
func decode(text string, filter []string) (last uuid.UUID, ok bool) {
	b, err := encoding.DecodeString(text)
	if err != nil || len(b) != cursorLength {
		return uuid.Nil, false
	}
	last = uuid.UUID(b[1 : 1+len(last)])
	return last, ordered(last) && text == encode(last, filter)
}

// ordered reports whether an id can be a position: the order of others is not that of time, and the zero one is the beginning.
func ordered(id uuid.UUID) bool { return id.Version() == 7 && id.Variant() == uuid.RFC4122 }

// fingerprint is of each value with its length, so that nothing can move from one value to the next.
func fingerprint(filter []string) []byte {
	sum := sha256.New()
	for _, value := range filter {
		fmt.Fprintf(sum, "%d:%s", len(value), value)
	}
	return sum.Sum(nil)[:fingerprintLength]
}
