package platformtest

import (
	"testing"
	"time"
)

// Eventually calls check until it returns nil, with pauses that grow from 1 ms to 50 ms. When timeout passes first it ends the
// test with the last error. Call it from the goroutine of the test.
func Eventually(tb testing.TB, timeout time.Duration, check func() error) {
	tb.Helper()
	deadline := time.Now().Add(timeout)
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		err := check()
		if err == nil {
			return
		}
		if time.Now().Add(pause).After(deadline) {
			tb.Fatalf("not within %v: %v", timeout, err)
		}
		time.Sleep(pause)
	}
}
