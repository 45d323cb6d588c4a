package auth

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"math"
	"runtime"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

const (
	saltBytes = 16
	hashBytes = 32
)

// Passwords hashes and verifies passwords with argon2id (RFC 9106) in PHC strings. It is safe for
// concurrent use.
//
// Concurrency is bounded because each hash needs much memory. A bounded queue waits for at most
// five seconds. Callers beyond it, or waiting for longer, get a SERVICE_UNAVAILABLE with
// Retry-After, so that a flood of logins uses up neither memory nor requests.
//
// Passwords are hashed in Unicode NFC form, so that different input methods give the same password.
// NFKC would also map passwords that their owner can distinguish, such as x² and x2, to one. RFC
// 8265 and NIST SP 800-63B allow both.
type Passwords struct {
	cost  cost
	dummy string // the hash that [Passwords.Dummy] verifies
	slots chan struct{}
	queue chan struct{} // has a place for every slot too
}

const (
	waitingPerSlot = 32 // at 30 ms a hash, the last in the queue waits for a second
	longestWait    = 5 * time.Second
	retryAfter     = time.Second
)

var (
	errQueueFull = errors.Sentinel("the queue for password hashing is full")
	errWaited    = errors.Sentinel("no slot for password hashing became free in time")
)

// NewPasswords returns a password hasher. Its bounds for the cost are those for a stored hash.
func NewPasswords(cfg PasswordConfig) (*Passwords, error) {
	c := cost{memoryKiB: cfg.Argon2Memory, passes: cfg.Argon2Passes, lanes: cfg.Argon2Lanes}
	if !c.inBounds() {
		return nil, errCost
	}
	slots := cfg.HashConcurrency
	if slots <= 0 {
		slots = runtime.GOMAXPROCS(0)
	}
	return &Passwords{
		cost:  c,
		dummy: phc{cost: c, salt: random(saltBytes), hash: random(hashBytes)}.String(),
		slots: make(chan struct{}, slots),
		queue: make(chan struct{}, slots+waitingPerSlot*slots),
	}, nil
}

// HashPassword returns the PHC string of a password to store. See also [CheckPassword].
func (p *Passwords) HashPassword(ctx context.Context, password string) (string, error) {
	h := phc{cost: p.cost, salt: random(saltBytes)}
	var err error
	if h.hash, err = p.derive(ctx, password, h, hashBytes); err != nil {
		return "", err
	}
	return h.String(), nil
}

// VerifyPassword reports whether hash is of password, and if so, whether the password should be
// hashed again because the cost has changed. A malformed hash or cost out of bounds is an error.
//
// A wrong password for a hash of a lower cost takes as long as for one of the current cost, and as
// [Passwords.Dummy]: otherwise the time would tell which users exist after the cost was raised.
func (p *Passwords) VerifyPassword(ctx context.Context, hash, password string) (ok, needsRehash bool, err error) {
	stored, err := parsePHC(hash)
	if err != nil {
		return false, false, err
	}
	computed, err := p.derive(ctx, password, stored, uint32(len(stored.hash))) //nolint:gosec // bounded by parsePHC
	if err != nil {
		return false, false, err
	}
	ok = subtle.ConstantTimeCompare(stored.hash, computed) == 1
	if missing := p.cost.minus(stored.cost); !ok && missing.inBounds() {
		if _, err := p.derive(ctx, password, phc{cost: missing, salt: stored.salt}, hashBytes); err != nil {
			return false, false, err
		}
	}
	outdated := stored.cost != p.cost || len(stored.salt) != saltBytes || len(stored.hash) != hashBytes
	return ok, ok && outdated, nil
}

// Dummy takes as long as [Passwords.VerifyPassword]. A login calls it for an unknown user, so that
// its time does not reveal which users exist.
func (p *Passwords) Dummy(ctx context.Context, password string) error {
	_, _, err := p.VerifyPassword(ctx, p.dummy, password)
	return err
}

func (p *Passwords) derive(ctx context.Context, password string, h phc, size uint32) ([]byte, error) {
	normalized := norm.NFC.Bytes([]byte(password)) // without holding a slot
	release, err := p.acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("wait to hash a password: %w", err)
	}
	defer release()
	return argon2.IDKey(normalized, h.salt, h.cost.passes, h.cost.memoryKiB, h.cost.lanes, size), nil
}

// acquire waits for a slot. It fails with ctx, after [longestWait], and if the queue is full.
func (p *Passwords) acquire(ctx context.Context) (release func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case p.queue <- struct{}{}:
	default:
		return nil, errors.Overloaded(errQueueFull, retryAfter)
	}
	timeout := time.NewTimer(longestWait)
	defer timeout.Stop()
	select {
	case p.slots <- struct{}{}:
		return func() { <-p.slots; <-p.queue }, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-timeout.C:
		err = errors.Overloaded(errWaited, retryAfter)
	}
	<-p.queue
	return nil, err
}

// The errors do not quote the hash, which must not be logged.
var (
	errPHC  = errors.Sentinel("the password hash is not an argon2id PHC string")
	errCost = errors.Sentinel("the cost of the password hash is out of bounds")
)

// cost is the cost parameters of argon2id.
type cost struct {
	memoryKiB, passes uint32
	lanes             uint8
}

// minus returns a cost that takes as long as c takes longer than other. It is out of bounds if the
// difference is too small for a hash.
func (c cost) minus(other cost) cost {
	work := int64(c.memoryKiB)*int64(c.passes) - int64(other.memoryKiB)*int64(other.passes)
	kib := min(max(work, 0)/int64(c.passes), math.MaxInt32)
	return cost{memoryKiB: uint32(kib), passes: c.passes, lanes: c.lanes} //nolint:gosec // in range
}

// inBounds limits a hash to 8 KiB a lane (RFC 9106) up to 256 MiB, 16 passes and 16 lanes.
func (c cost) inBounds() bool {
	const maxMemoryKiB, maxPasses, maxLanes, minKiBPerLane = 256 << 10, 16, 16, 8
	return c.passes >= 1 && c.passes <= maxPasses && c.lanes >= 1 && c.lanes <= maxLanes &&
		c.memoryKiB >= minKiBPerLane*uint32(c.lanes) && c.memoryKiB <= maxMemoryKiB
}

// leastMemory returns the memory in KiB that OWASP's Password Storage Cheat Sheet requires.
func leastMemory(passes uint32) uint32 {
	byPasses := []uint32{47104, 47104, 19456, 12288, 9216, 7168}
	return byPasses[min(passes, 5)]
}

// phc is a hash in the PHC string format: $argon2id$v=19$m=19456,t=2,p=1$salt$hash.
type phc struct {
	cost       cost
	salt, hash []byte
}

// String returns the hash as it is stored.
func (h phc) String() string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, h.cost.memoryKiB, h.cost.passes, h.cost.lanes, b64(h.salt), b64(h.hash))
}

// parsePHC parses exactly what String writes. It formats what it has read and compares, so that any
// other spelling or order fails, and so does another algorithm or version.
func parsePHC(text string) (phc, error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 {
		return phc{}, errPHC
	}
	var h phc
	_, costErr := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.cost.memoryKiB, &h.cost.passes, &h.cost.lanes)
	var saltErr, hashErr error
	h.salt, saltErr = base64.RawStdEncoding.DecodeString(parts[4])
	h.hash, hashErr = base64.RawStdEncoding.DecodeString(parts[5])
	switch {
	case costErr != nil || saltErr != nil || hashErr != nil || h.String() != text:
		return phc{}, errPHC
	case len(h.salt) < 8 || len(h.salt) > 64 || len(h.hash) < 16 || len(h.hash) > 64:
		return phc{}, errPHC
	case !h.cost.inBounds():
		return phc{}, errCost
	}
	return h, nil
}
