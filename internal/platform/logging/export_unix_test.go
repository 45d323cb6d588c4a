//go:build unix

package logging

import (
	"io"
	"syscall"
)

// WithoutSignal is withoutSignal.
var WithoutSignal = withoutSignal

// NewDescriptor returns a writer to an open file without package os in between.
func NewDescriptor(conn syscall.RawConn) io.Writer { return newDescriptor(conn) }
