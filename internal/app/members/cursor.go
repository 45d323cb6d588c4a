package members

import (
	"encoding/base64"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// A cursor is the id of the last member of a page. It grants nothing: whoever makes one up sees the same members from another
// position on.
const (
	cursorVersion = 1
	cursorLength  = 1 + len(uuid.UUID{})
)

// Strict refuses other spellings of the same bytes.
var cursorEncoding = base64.RawURLEncoding.Strict()

func encodeCursor(last uuid.UUID) string {
	return cursorEncoding.EncodeToString(append([]byte{cursorVersion}, last[:]...))
}

func decodeCursor(text string) (uuid.UUID, error) {
	b, err := cursorEncoding.DecodeString(text)
	if err != nil || len(text) != cursorEncoding.EncodedLen(cursorLength) || len(b) != cursorLength || b[0] != cursorVersion {
		return uuid.Nil, errors.Invalid("cursor", "cursor", "must be the next_cursor of a list of users")
	}
	return uuid.UUID(b[1:]), nil
}
