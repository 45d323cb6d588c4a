//go:build race

package logging_test

// maxAllocs is larger under the race detector, where a sync.Pool drops some of what it is given.
const maxAllocs = 20.0
