package auth

import (
	"crypto/sha256"
	"sync"
)

type cacheKey [sha256.Size]byte

// keyOf hashes the token, so that the cache holds nothing that opens a door, and so that who sends tokens cannot aim for
// a collision.
func keyOf(token string) cacheKey { return sha256.Sum256([]byte(token)) }

// cache remembers verified tokens, as many as two generations hold: what is used moves to the young one, and when that is
// full the old one is dropped whole. That is close to least recently used, without a list to maintain. A nil cache
// remembers nothing.
type cache struct {
	mu         sync.Mutex
	generation int // how many a generation holds
	young, old map[cacheKey]accepted
}

func newCache(size int) *cache {
	if size < 0 {
		return nil
	}
	return &cache{generation: max(1, size/2), young: map[cacheKey]accepted{}}
}

func (c *cache) get(k cacheKey) (accepted, bool) {
	if c == nil {
		return accepted{}, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if a, ok := c.young[k]; ok {
		return a, true
	}
	a, ok := c.old[k]
	if ok {
		c.add(k, a)
	}
	return a, ok
}

func (c *cache) put(k cacheKey, a accepted) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(k, a)
}

func (c *cache) remove(k cacheKey) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.young, k)
	delete(c.old, k)
}

func (c *cache) add(k cacheKey, a accepted) {
	if len(c.young) >= c.generation {
		c.old, c.young = c.young, make(map[cacheKey]accepted, c.generation)
	}
	c.young[k] = a
}
