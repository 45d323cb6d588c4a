package audit

import (
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// A cursor is the id of the last entry of a page and the fingerprint of the filter it was made for, so that it is not used
// with another one. It grants nothing: whoever makes one up sees the tenant's own trail from another position on.
const (
	cursorVersion     = 1
	fingerprintLength = 8
	cursorLength      = 1 + len(uuid.UUID{}) + fingerprintLength
)

// Strict refuses other spellings of the same bytes.
var cursorEncoding = base64.RawURLEncoding.Strict()

func (f Filter) fingerprint() []byte {
	sum := sha256.Sum256([]byte(strings.Join([]string{
		f.Event, f.ActorID.String(), f.TargetType, f.TargetID, instant(f.Since), instant(f.Until),
	}, "\x00")))
	return sum[:fingerprintLength]
}

// instant is the same for two spellings of a time.
func instant(t time.Time) string {
	return strconv.FormatInt(t.Unix(), 10) + "." + strconv.Itoa(t.Nanosecond())
}

func encodeCursor(last uuid.UUID, f Filter) string {
	b := append([]byte{cursorVersion}, last[:]...)
	return cursorEncoding.EncodeToString(append(b, f.fingerprint()...))
}

func decodeCursor(text string, f Filter) (uuid.UUID, error) {
	invalid := func() (uuid.UUID, error) {
		return uuid.Nil, errors.Invalid("cursor", "cursor", "must be the next_cursor of a list with the same filters")
	}
	if len(text) != cursorEncoding.EncodedLen(cursorLength) {
		return invalid()
	}
	b, err := cursorEncoding.DecodeString(text)
	if err != nil || len(b) != cursorLength || b[0] != cursorVersion {
		return invalid()
	}
	id, rest := uuid.UUID(b[1:1+len(uuid.UUID{})]), b[1+len(uuid.UUID{}):]
	if id.Version() != 7 || id.Variant() != uuid.RFC4122 || string(rest) != string(f.fingerprint()) {
		return invalid()
	}
	return id, nil
}
