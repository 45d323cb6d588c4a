package auth

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"hash/crc32"

	"github.com/google/uuid"
)

const (
	secretBytes = 32
	opaqueBytes = 2*len(uuid.Nil) + secretBytes
)

// opaque is what API keys and refresh tokens are made of: whose it is, which one it is, and 256 bits that nobody can guess. The
// ids are in it so that the row is found within its tenant, and only there.
type opaque struct {
	tenant, id uuid.UUID
	secret     [secretBytes]byte
}

func newOpaque(tenant, id uuid.UUID) opaque {
	return opaque{tenant, id, [secretBytes]byte(random(secretBytes))}
}

func (o opaque) bytes() []byte {
	b := make([]byte, 0, opaqueBytes)
	b = append(b, o.tenant[:]...)
	b = append(b, o.id[:]...)
	return append(b, o.secret[:]...)
}

// readOpaque is the reverse of bytes. The nil UUID is nobody's.
func readOpaque(b []byte) (opaque, bool) {
	if len(b) != opaqueBytes {
		return opaque{}, false
	}
	o := opaque{uuid.UUID(b[:16]), uuid.UUID(b[16:32]), [secretBytes]byte(b[32:])}
	return o, o.tenant != uuid.Nil && o.id != uuid.Nil
}

// checksum finds typos, and texts that only look like ours, without a database. It keeps nobody out.
func checksum(text string) uint32 { return crc32.ChecksumIEEE([]byte(text)) }

func checksumBytes(text string) []byte {
	return binary.BigEndian.AppendUint32(nil, checksum(text))
}

func hashOf(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

// sameHash takes the same time wherever the two differ.
func sameHash(stored, computed []byte) bool { return subtle.ConstantTimeCompare(stored, computed) == 1 }
