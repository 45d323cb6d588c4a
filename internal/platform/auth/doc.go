// Package auth authenticates requests and decides what they may do: signing keys and their JWK set,
// access tokens in the profile of RFC 9068, refresh tokens, API keys, passwords, principals, roles,
// permissions, and Echo middleware.
//
//	ring := auth.NewKeyring(keys) // from Config.KeySet
//	verifier, err := auth.NewVerifier(ring, options)
//	notes := e.Group("/v1/notes", auth.Authenticate(auth.Authentication{Verifier: verifier}))
//	notes.GET("", list, auth.Require(policy, "notes:read", nil))
//	e.GET("/.well-known/jwks.json", auth.JWKS(ring))
//
// Everything is denied unless a role allows it: a principal without a known role has no permission.
// No path is exempt: a route without [Authenticate] is public, one without [Require] is open to
// every principal.
//
// # The path of a bearer token
//
// Each function calls the ones indented below it.
//
//	Authenticate                 middleware.go   middleware of a route
//	  Authentication.principal                   requires exactly one credential
//	    bearer                                   token of the Authorization header
//	    Verifier.Verify          verifier.go     principal of the token
//	      Verifier.verify                        size, cache, and the times of the token
//	        split                                one spelling: three segments, strict base64url
//	        KeySet.keyFor                        header, key and its algorithm
//	        SigningMethod.Verify                 golang-jwt: the signature, and nothing else
//	        Verifier.readClaims                  claims (token.go)
//	      Revocations.Check      revocations.go  through VerifierOptions.Revoked
//	  WithPrincipal              policy.go       principal in ctx
//	  Authentication.Scope                       what the service adds to ctx
//	Require                      middleware.go
//	  Policy.Allows              policy.go       permission of the route
//
// A rejected token takes the same path up to a [Reason]. Reason.reject wraps it in a [Rejection],
// the cause of the error for the client. Authentication.rejected passes that to OnRejected, where
// the service writes its audit trail.
//
// golang-jwt's parser is not used: by default it accepts tokens without an expiry, duplicate claims
// and names in another case, line breaks, and critical headers that it does not understand.
//
// # Secrets
//
// The service stores SHA-256 hashes of refresh tokens and API keys, and argon2id hashes of
// passwords. Credentials format as [REDACTED]; their method Reveal returns the text. No error
// contains a part of a credential.
//
// # Lifting it out
//
// Copy this folder, internal/platform/errors and internal/platform/logging. It imports echo/v4,
// golang-jwt/v5, go-json-experiment/json, google/uuid, x/crypto/argon2 and x/text/unicode/norm; its
// tests import testify and goleak. [Config] is a plain struct with tags for cleanenv. The package
// logs no denial: set Authentication.OnRejected, and pass a function to [Require].
package auth
