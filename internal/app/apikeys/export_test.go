package apikeys

import "github.com/netrun-systems/go-service-template/internal/platform/auth"

const (
	MaxKeys    = maxKeys
	MaxPending = maxPending
)

// Use notes the use of a key.
func (s *Service) Use(key auth.APIKey) { s.uses.add(key) }

// Pending returns the number of keys with an unsaved use.
func (s *Service) Pending() int {
	s.uses.mu.Lock()
	defer s.uses.mu.Unlock()
	return len(s.uses.pending)
}
