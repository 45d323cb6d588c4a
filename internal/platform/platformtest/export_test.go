package platformtest

import "testing"

// Shared returns the DSN of the server of this test process, and what it is.
func Shared(tb testing.TB) (dsn, origin string) {
	tb.Helper()
	s := shared.server(tb)
	return s.dsn, s.origin
}
