// Package ratelimit limits the requests of each client, in process or shared by all replicas
// through Redis.
//
//	limits, err := ratelimit.New(cfg, log)
//	authenticate = limits.Failures(authenticate)
//	handler = authenticate(limits.Requests(ratelimit.Route{Name: "password", Divisor: 10})(handler))
//
// A client is an API key, a signed-in user, or else an address; an IPv6 address counts as its /64
// network, since a client usually owns all of it. Each [Route] has a name and counts separately.
// Refused requests do not count. A refused client receives a 429 with Retry-After; all responses
// have the fields RateLimit and RateLimit-Policy of draft-ietf-httpapi-ratelimit-headers-10.
//
// The algorithm is GCRA, the generic cell rate algorithm (ITU-T I.371): a token bucket that needs
// one number for each client, the theoretical arrival time. A new client may send RATELIMIT_BURST
// requests at once, then RATELIMIT_RATE in each RATELIMIT_PERIOD, evenly.
//
// # Memory
//
// [Memory] is a table of fixed size, 1 MiB for 65,536 clients, so that it stays in the cache of a
// processor. A new client takes the place of the one among four that has used the least of its
// limit, so a client that is being refused is forgotten last. More clients loosen the limits.
//
// # Redis
//
// [Redis] keeps the same number in Redis, by the clock of Redis, in one round trip. While Redis does
// not respond within 250 ms, each replica counts alone, in its Memory, or refuses with a 503 if
// RATELIMIT_FAIL_CLOSED is set; one request a second tries Redis again. The events
// ratelimit_redis_failed and ratelimit_redis_recovered mark both ends of the outage.
//
// # Lifting it out
//
// Copy this folder and internal/platform/errors, internal/platform/logging, internal/platform/config,
// internal/platform/auth, internal/platform/env/dotenv, internal/platform/env/spelling and
// internal/platform/env/strength. It imports echo/v4, google/uuid and redis/go-redis/v9; its tests
// import testify and goleak, and start the redis-server of the machine.
package ratelimit
