package platformtest

import (
	"fmt"
	"os"

	"go.uber.org/goleak"
)

// Main is the TestMain of a package whose tests use a database. It runs the tests, stops the server, or keeps it when a
// failed test has kept its database, and fails a run that leaks goroutines. It does not return.
//
// m is the testing.M, or something that does more around its Run.
func Main(m interface{ Run() int }, options ...goleak.Option) { os.Exit(run(m, shared, options...)) }

func run(m interface{ Run() int }, h *host, options ...goleak.Option) int {
	h.open.Store(true)
	code := m.Run()
	h.close()
	if code != 0 {
		return code
	}
	if err := goleak.Find(options...); err != nil {
		fmt.Fprintln(h.out, "platformtest:", err)
		return 1
	}
	return 0
}
