package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"runtime"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// PasswordOptions says what a password hash costs. Zero fields take the defaults, which are OWASP's: 19 MiB, two passes,
// one lane.
type PasswordOptions struct {
	MemoryKiB   uint32 // 19456
	Passes      uint32 // 2
	Lanes       uint8  // 1
	Concurrency int    // how many hashes are computed at a time; GOMAXPROCS
	Waiting     int    // how many may wait for their turn; 32 for each that is computed at a time
}

const (
	saltBytes = 16
	hashBytes = 32
)

// Passwords hashes passwords and checks them, with argon2id (RFC 9106) in PHC strings. It is safe for concurrent use.
//
// Only so many hashes are computed at a time, because each needs a lot of memory. A bounded number of others wait for their
// turn, for five seconds at most. Whoever comes beyond that, or waits for longer, gets a SERVICE_UNAVAILABLE with
// Retry-After: a flood of logins costs neither memory nor the requests that hang behind it.
//
// A password is hashed in Unicode's NFC form, so that it does not matter how a keyboard composes an accent. It is not
// NFKC: that would make one password of several which their owner can tell apart, such as x² and x2, and RFC 8265 and NIST
// SP 800-63B allow either.
type Passwords struct {
	cost  cost
	turns *turns
	dummy string
}

// NewPasswords returns a hasher of passwords. It refuses costs that a stored hash may not have either.
func NewPasswords(o PasswordOptions) (*Passwords, error) {
	c := cost{memoryKiB: o.MemoryKiB, passes: o.Passes, lanes: o.Lanes}
	if c.memoryKiB == 0 {
		c.memoryKiB = 19456
	}
	if c.passes == 0 {
		c.passes = 2
	}
	if c.lanes == 0 {
		c.lanes = 1
	}
	if !c.sane() {
		return nil, errCost
	}
	if o.Concurrency <= 0 {
		o.Concurrency = runtime.GOMAXPROCS(0)
	}
	if o.Waiting <= 0 {
		o.Waiting = waitingPerTurn * o.Concurrency
	}
	dummy := phc{cost: c, salt: random(saltBytes), hash: random(hashBytes)}
	return &Passwords{cost: c, turns: newTurns(o.Concurrency, o.Waiting), dummy: dummy.String()}, nil
}

// HashPassword returns the PHC string to store for a password. It does not judge the password: see [CheckPassword].
func (p *Passwords) HashPassword(ctx context.Context, password string) (string, error) {
	h := phc{cost: p.cost, salt: random(saltBytes)}
	var err error
	if h.hash, err = p.derive(ctx, password, h, hashBytes); err != nil {
		return "", err
	}
	return h.String(), nil
}

// VerifyPassword reports whether password is the one that hash was made from, and, if it is, whether it should be hashed
// again because the hash was made at another cost. A hash that is malformed, or dearer than what this package makes by
// a wide margin, is an error.
func (p *Passwords) VerifyPassword(ctx context.Context, hash, password string) (ok, needsRehash bool, err error) {
	stored, err := parsePHC(hash)
	if err != nil {
		return false, false, err
	}
	computed, err := p.derive(ctx, password, stored, uint32(len(stored.hash))) //nolint:gosec // parsePHC bounds it
	if err != nil {
		return false, false, err
	}
	ok = subtle.ConstantTimeCompare(stored.hash, computed) == 1
	outdated := stored.cost != p.cost || len(stored.salt) != saltBytes || len(stored.hash) != hashBytes
	return ok, ok && outdated, nil
}

// Dummy takes as long as [Passwords.VerifyPassword] and no password passes it. A login calls it where the user is
// unknown, so that its time does not tell who exists.
func (p *Passwords) Dummy(ctx context.Context, password string) error {
	_, _, err := p.VerifyPassword(ctx, p.dummy, password)
	return err
}

func (p *Passwords) derive(ctx context.Context, password string, h phc, size uint32) ([]byte, error) {
	text := norm.NFC.Bytes([]byte(password)) // before the turn, which others wait for
	release, err := p.turns.take(ctx)
	if err != nil {
		return nil, fmt.Errorf("wait for a turn to hash a password: %w", err)
	}
	defer release()
	return argon2.IDKey(text, h.salt, h.cost.passes, h.cost.memoryKiB, h.cost.lanes, size), nil
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: it ends the program instead
	return b
}
