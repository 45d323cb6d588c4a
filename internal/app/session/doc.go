// Package session is who is logged in: sessions, the refresh tokens that carry one on, and the end of it.
//
// A login opens a session of a member in a tenant, and answers an access token, which says for some minutes who somebody is,
// and a refresh token, which gets the next pair and is spent by that. The roles in an access token are those that the member
// has when it is made, so a change of them reaches a client with the next refresh, or at once by [Service.Renew].
//
// # Rotation and reuse
//
// A token is exchanged by one statement, which replaces its hash in the row of the session by that of its successor: of many
// requests that bring the same token at the same time, one does. The successor is made of the token and of a seed that is new
// with each exchange, and that nobody but the database knows. So a client whose answer was lost, or who asked twice, can be
// given the same successor again for a short grace (AUTH_REFRESH_GRACE), as long as the successor has not been used itself,
// although only its hash is kept. That is what RFC 9700, section 4.14.2, asks for, with the repetition that FAPI 2.0 adds.
//
// Any other spent token that comes back has been copied by somebody, and nobody can say who of the two is the thief: the
// whole session ends. Which tokens were ever given out need not be kept for that: a token bears a mark under a key of the
// session, which no forged token does. So who only knows the id of a session cannot end it. Who reads the database can make no
// token that is taken, unless they also have the very token that was exchanged last; the hashes alone make none.
//
// # Time
//
// What is in the database is compared with the clock of the database, which all replicas share. A session ends when it has
// not been used for AUTH_REFRESH_TOKEN_TTL, or is as old as AUTH_SESSION_TTL, whichever comes first. The clock of the service
// counts only in access tokens, and for how long this replica keeps a revocation in memory.
//
// # Revocation
//
// An access token holds the id of its session and a generation, which grows with every refresh. Ending a session, or renewing
// it, lists it in revoked_sessions with the first generation that is still good, and notifies every replica, in the same
// transaction. [Service.Watch] keeps the list of this replica, an [auth.Revocations], in step; while it cannot, every
// token is looked up in the database. Rows are forgotten when the last token they are about has expired.
//
// # Tenants
//
// A session belongs to a member of one tenant, and row security keeps it there. A refresh token names its tenant, so that it
// is looked for in that tenant only. [Service.List] and [Service.End] are about the tenant that the principal is in;
// [Service.LogoutAll] goes through all tenants of the user, in one transaction.
package session
