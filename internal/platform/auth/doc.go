// Package auth says who a request comes from and what they may do: signing keys and their JWK set, access tokens in the
// profile of RFC 9068, refresh tokens, API keys, passwords, principals, roles and permissions, and the Echo middleware that
// ties them together.
//
// Tokens are signed with asymmetric keys only, and checked by this package rather than by the parser of golang-jwt, which
// by default takes tokens without an expiry, with duplicate or odd-case claims, with line breaks inside, or with a crit
// header that it does not understand. Only the signature itself is left to it.
//
//	keys, err := cfg.KeySet()
//	ring := auth.NewKeyring(keys)
//	issuer, err := auth.NewIssuer(ring, auth.IssuerOptions{Issuer: cfg.Issuer, Audience: cfg.Audience, Policy: policy, TTL: cfg.AccessTokenTTL})
//	verifier, err := auth.NewVerifier(ring, auth.VerifierOptions{Issuer: cfg.Issuer, Audience: cfg.Audience, Policy: policy, Leeway: cfg.Leeway})
//
//	notes := e.Group("/v1/notes", auth.Authenticate(auth.Authentication{Verifier: verifier, APIKey: findKey}))
//	notes.GET("", list, auth.Require(policy, "notes:read"))
//	e.GET("/.well-known/jwks.json", auth.JWKS(ring))
//
// Everything is denied unless a role allows it: a route without [Require] is open to every principal, a principal without
// a known role may do nothing that needs a permission. There are no paths that are exempt: the list of routes decides.
//
// # What is kept, and what is not
//
// Of refresh tokens, API keys and remembered access tokens only SHA-256 hashes are kept, of passwords argon2id hashes. The
// types of secrets print as [REDACTED]; [APIKey.Reveal] and [RefreshToken.Reveal] give the text once. An error says why a
// credential was refused ([Rejection]), and never holds a part of it.
//
// # Lifting it out
//
// Copy the folder together with errors and logging. It needs echo/v4, golang-jwt/v5, go-json-experiment/json,
// google/uuid, x/crypto/argon2 and x/text/unicode/norm, and for its tests testify and goleak. [Config] is a plain struct
// with tags that cleanenv reads.
package auth
