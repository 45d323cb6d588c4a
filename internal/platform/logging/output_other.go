//go:build !unix

package logging

import "io"

// withoutSignal returns w: other systems send no signal for a closed pipe.
func withoutSignal(w io.Writer) io.Writer { return w }
