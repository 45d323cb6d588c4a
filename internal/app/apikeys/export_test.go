package apikeys

// MaxKeys is how many keys a member has at a time.
const MaxKeys = maxKeys

// What lists use.
var (
	EncodeCursor = encodeCursor
	DecodeCursor = decodeCursor
)

// Pending returns how many keys wait for their use to be written down.
func (s *Service) Pending() int {
	s.used.mu.Lock()
	defer s.used.mu.Unlock()
	return len(s.used.pending)
}
