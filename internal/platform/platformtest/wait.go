package platformtest

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// Eventually calls check until it returns nil, with pauses from 1 ms to 50 ms. After timeout it
// ends the test with the last error. Call it from the goroutine of the test.
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

// Main is the TestMain of a package whose tests use a database. It runs the tests and stops the
// server, unless TEST_KEEP=1 has kept the database of a failed test. A goroutine leak fails the
// run. It does not return.
//
// m is the testing.M or a wrapper of it.
func Main(m interface{ Run() int }) { os.Exit(run(m, shared)) }

func run(m interface{ Run() int }, h *harness) int {
	h.open.Store(true)
	code := m.Run()
	h.close()
	if code != 0 {
		return code
	}
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(h.out, "platformtest:", err)
		return 1
	}
	return 0
}
