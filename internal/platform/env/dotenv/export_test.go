package dotenv

import "time"

// SetPipeTimeout shortens the wait for pipes.
func SetPipeTimeout(d time.Duration) { pipeTimeout = d }
