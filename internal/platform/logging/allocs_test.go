//go:build !race

package logging_test

// maxAllocs is what a line of ten typed fields may allocate.
const maxAllocs = 2.0
