// Package auth says who a request comes from and what they may do: signing keys, access tokens in the profile of RFC 9068,
// passwords, principals, roles and permissions, and the Echo middleware that ties them together.
//
// Tokens are signed with asymmetric keys only, and checked by this package rather than by the parser of golang-jwt, which
// by default takes tokens without an expiry, with duplicate or odd-case claims, with line breaks inside, or with a crit
// header that it does not understand. Only the signature itself is left to it.
//
//	keys, err := cfg.KeySet()
//	issuer, err := auth.NewIssuer(keys, auth.IssuerOptions{Issuer: cfg.Issuer, Audience: cfg.Audience, TTL: cfg.AccessTokenTTL})
//	verifier, err := auth.NewVerifier(keys, auth.VerifierOptions{Issuer: cfg.Issuer, Audience: cfg.Audience, Leeway: cfg.Leeway})
//
//	notes := e.Group("/v1/notes", auth.Authenticate(verifier, log))
//	notes.GET("", list, auth.Require(auth.PermNotesRead))
//
// Everything is denied unless a role allows it: a route without [Require] is open to every principal, a principal without
// a known role may do nothing that needs a permission.
//
// # Lifting it out
//
// Copy the folder together with errors and logging. It needs echo/v4, golang-jwt/v5, go-json-experiment/json,
// google/uuid, x/crypto/argon2 and x/text/unicode/norm. [Config] is a plain struct with tags that cleanenv reads.
package auth
