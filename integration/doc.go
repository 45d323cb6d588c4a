// Package integration tests the service from outside: the built binary, its HTTP interface, its log and its exit code, on
// a real PostgreSQL that package platformtest provides.
package integration
