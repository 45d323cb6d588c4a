// Package benchmarks compares the platform packages with the libraries that do the same, in one run
// on one machine. It is a module of its own, so that those libraries stay out of the module graph of
// the service.
//
//	go test -C tools/benchmarks -run '^$' -bench . -benchmem
//
// Its tests measure the ratios and allocations that the project promises, and fail where one is
// missed.
package benchmarks
