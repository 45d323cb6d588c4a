package auth

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// RevocationsOptions are what a [Revocations] needs.
type RevocationsOptions struct {
	// Lookup asks where revocations are kept, and returns the generation from which on tokens of the session are good. known
	// is false for a session of which nothing is revoked. It is asked only while the list is not [Revocations.Connected].
	// Nil means that nobody can be asked: tokens of sessions are refused meanwhile.
	Lookup func(ctx context.Context, sessionID uuid.UUID) (minGeneration int64, known bool, err error)

	Now func() time.Time // nil means [time.Now]
}

// Revocations is this replica's copy of the access tokens that are refused although they have not expired: for a session,
// those of a generation before some other. [Revocations.Check] fits [VerifierOptions].Revoked.
//
// The copy is believed only while it is complete, which whoever fills it says with [Revocations.Connected]. Until then, and
// when that ends, each token is asked about. It holds no more than what has been revoked within the life of an access token.
// It is safe for concurrent use.
type Revocations struct {
	options RevocationsOptions

	mu        sync.RWMutex
	connected bool
	sessions  map[uuid.UUID]revocation
	sweepAt   time.Time
}

type revocation struct {
	minGeneration int64
	until         time.Time
}

// sweepInterval is how often what has expired is forgotten, as long as something is added.
const sweepInterval = time.Minute

// NewRevocations returns an empty list that is not connected.
func NewRevocations(o RevocationsOptions) *Revocations {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Revocations{options: o, sessions: map[uuid.UUID]revocation{}}
}

// Add refuses the tokens of a session of a generation before minGeneration. until is when the last of them has expired; after
// it the entry may be forgotten. Of several entries for a session the strictest counts.
func (r *Revocations) Add(sessionID uuid.UUID, minGeneration int64, until time.Time) {
	now := r.options.Now()
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
	r.sweepAt = now.Add(sweepInterval)
	for id, v := range r.sessions {
		if !v.until.After(now) {
			delete(r.sessions, id)
		}
	}
}

// Connected says whether the list is complete and stays so: everything revoked before has been added, and everything revoked
// from now on will be.
func (r *Revocations) Connected(yes bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.connected = yes
}

// Check reports whether the token of p is revoked. A principal without a session is not asked about. Where the list is not
// complete and nobody else knows, the answer is SERVICE_UNAVAILABLE: a token is not let through because nobody could say.
func (r *Revocations) Check(ctx context.Context, p Principal) (revoked bool, err error) {
	if p.SessionID == uuid.Nil {
		return false, nil
	}
	r.mu.RLock()
	v, listed := r.sessions[p.SessionID]
	connected := r.connected
	r.mu.RUnlock()
	if listed && p.Generation < v.minGeneration {
		return true, nil
	}
	if connected {
		return false, nil
	}
	if r.options.Lookup == nil {
		return false, errors.Unavailable(errNobodyKnows, "", retryAfter)
	}
	minGeneration, known, err := r.options.Lookup(ctx, p.SessionID)
	if err != nil {
		return false, errors.Unavailable(err, "", retryAfter)
	}
	return known && p.Generation < minGeneration, nil
}

var errNobodyKnows = errors.Sentinel("the list of revoked sessions is not complete, and there is nobody to ask")
