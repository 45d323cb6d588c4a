package ratelimit

import "time"

// Wait makes r wait for Redis, so that a busy machine does not look like an outage.
func (r *Redis) Wait() {
	r.timeout = 20 * time.Second
	r.client.Options().DialTimeout = r.timeout
}
