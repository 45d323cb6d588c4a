package auth

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// Lookup reads the revocation of a session from where revocations are stored: tokens of a
// generation below minGeneration are revoked. known is false for a session without revoked tokens.
type Lookup func(ctx context.Context, sessionID uuid.UUID) (minGeneration int64, known bool, err error)

// Revocations caches which access tokens are revoked before they expire: those of a session whose
// generation is below a minimum. [Revocations.Check] fits [VerifierOptions].Revoked.
//
// The cache is authoritative only while connected is true, which [Revocations.Connected] sets. At
// other times each check calls a [Lookup]. An entry is dropped when its tokens have expired.
// Revocations is safe for concurrent use.
type Revocations struct {
	lookup Lookup
	now    func() time.Time

	mu        sync.RWMutex
	connected bool
	alive     time.Time
	sessions  map[uuid.UUID]revocation
	sweepAt   time.Time
}

type revocation struct {
	minGeneration int64
	until         time.Time
}

// NewRevocations returns an empty cache that is not connected.
func NewRevocations(lookup Lookup) *Revocations {
	return &Revocations{lookup: lookup, now: time.Now, sessions: map[uuid.UUID]revocation{}}
}

// Add revokes the tokens of a session with a generation below minGeneration. until is when the last
// of them expires. Of several entries for a session the strictest counts.
func (r *Revocations) Add(sessionID uuid.UUID, minGeneration int64, until time.Time) {
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sweep(now)
	if !until.After(now) {
		return
	}
	have := r.sessions[sessionID]
	if have.until.After(until) {
		until = have.until
	}
	r.sessions[sessionID] = revocation{max(minGeneration, have.minGeneration), until}
}

func (r *Revocations) sweep(now time.Time) {
	if now.Before(r.sweepAt) {
		return
	}
	r.sweepAt = now.Add(time.Minute)
	for id, v := range r.sessions {
		if !v.until.After(now) {
			delete(r.sessions, id)
		}
	}
}

// Connected sets whether the cache is complete: all earlier revocations have been added, and all
// later ones will be. It is authoritative from the next [Revocations.Alive] on: the process may
// have been suspended while it read the earlier ones.
func (r *Revocations) Connected(yes bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.connected = yes
}

// Alive records that all revocations made before at have been added. A connected cache is
// authoritative for one second after at: a process that was suspended has missed later ones.
func (r *Revocations) Alive(at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at.After(r.alive) {
		r.alive = at
	}
}

// lease is the time after the last [Revocations.Alive] for which the cache is authoritative.
const lease = time.Second

// Check reports whether the token of p is revoked. A token without a session cannot be. If the
// cache is not complete and the lookup fails, the error is a SERVICE_UNAVAILABLE: a token whose
// revocation is unknown does not pass.
func (r *Revocations) Check(ctx context.Context, p Principal) (revoked bool, err error) {
	if p.SessionID == uuid.Nil {
		return false, nil
	}
	r.mu.RLock()
	v, listed := r.sessions[p.SessionID]
	complete := r.connected && r.now().Sub(r.alive) < lease
	r.mu.RUnlock()
	if listed && p.Generation < v.minGeneration {
		return true, nil
	}
	if complete {
		return false, nil
	}
	minGeneration, known, err := r.lookup(ctx, p.SessionID)
	if err != nil {
		return false, errors.Unavailable(err, "", retryAfter)
	}
	return known && p.Generation < minGeneration, nil
}
