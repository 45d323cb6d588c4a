package apikeys

// MaxKeys is how many keys a member has at a time.
const MaxKeys = maxKeys

// Pending returns how many keys wait for their use to be written down.
func (s *Service) Pending() int {
	s.used.mu.Lock()
	defer s.used.mu.Unlock()
	return len(s.used.pending)
}
