package ratelimit

import (
	"cmp"
	"context"
	"hash/maphash"
	"sync"
	"time"
)

// Limiter counts the requests of clients. [Memory] and [Redis] implement it.
type Limiter interface {
	// Take counts n requests of a client unless they exceed the limit. With n = 0 it counts
	// nothing and reports whether one more request is allowed.
	Take(ctx context.Context, l Limit, c Client, n int) (Decision, error)
}

// Limit allows Burst requests at once and Rate in each Period.
type Limit struct {
	Name   string // separates the counters of different limits
	Rate   int
	Period time.Duration
	Burst  int // zero means Rate
}

// Client identifies a client within a limit: a kind, followed by the bytes of an id or an address.
type Client [17]byte

// Decision is the state of a client's limit after [Limiter.Take].
type Decision struct {
	Allowed    bool
	Remaining  int           // requests that are allowed at once
	RetryAfter time.Duration // until the next request is allowed, zero if this one is
	Reset      time.Duration // until Burst requests are allowed at once
}

// times returns the time between two requests at the rate of l, and that of a whole burst.
func (l Limit) times() (interval, burst time.Duration) {
	interval = l.Period / time.Duration(l.Rate)
	return interval, interval * time.Duration(cmp.Or(l.Burst, l.Rate))
}

// take applies GCRA to a client that has used the given time of its burst. It returns the time used
// after n requests.
func (l Limit) take(used time.Duration, n int) (Decision, time.Duration) {
	interval, burst := l.times()
	used = min(max(used, 0), burst) // it exceeds burst after a reload with a lower limit
	if excess := used + interval*time.Duration(max(n, 1)) - burst; excess > 0 {
		return Decision{Remaining: int((burst - used) / interval), RetryAfter: excess, Reset: used}, used
	}
	used += interval * time.Duration(n)
	return Decision{Allowed: true, Remaining: int((burst - used) / interval), Reset: used}, used
}

const (
	ways  = 4 // slots of a set, 64 bytes together: a cache line
	sets  = 1 << 14
	locks = 256
)

// slot holds the theoretical arrival time of one client. Hashes have a random seed: two of a million
// clients share a slot with a probability of 1 in 37 million, and nobody can choose which.
type slot struct {
	client  uint64
	arrival time.Duration // since the start of the Memory; a free slot is in the past
}

// Memory is a [Limiter] for one process. It never fails, and its size is fixed.
type Memory struct {
	sets  [sets][ways]slot // first, so that sets begin at cache lines
	seed  maphash.Seed
	start time.Time
	locks [locks]struct {
		sync.Mutex
		_ [56]byte // a cache line for each
	}
}

// NewMemory returns an empty Memory.
func NewMemory() *Memory { return &Memory{seed: maphash.MakeSeed(), start: time.Now()} }

// Take implements [Limiter].
func (m *Memory) Take(_ context.Context, l Limit, c Client, n int) (Decision, error) {
	client := maphash.String(m.seed, l.Name) - maphash.Bytes(m.seed, c[:])
	lock := &m.locks[client%locks]
	lock.Lock()
	defer lock.Unlock()
	now, s := time.Since(m.start), find(&m.sets[client%sets], client)
	var used time.Duration
	if s.client == client {
		used = s.arrival - now
	}
	d, used := l.take(used, n)
	if n > 0 && d.Allowed {
		*s = slot{client, now + used}
	}
	return d, nil
}

// find returns the slot of a client, or the one that a new client takes: a free one, or that of the
// client that has used the least.
func find(set *[ways]slot, client uint64) *slot {
	least := 0
	for i := range set {
		if set[i].client == client {
			return &set[i]
		}
		if set[i].arrival < set[least].arrival {
			least = i
		}
	}
	return &set[least]
}
