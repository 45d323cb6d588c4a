// Package session manages sessions, their refresh tokens and their revocation.
//
// A login opens a session of a member in a tenant. The response has an access token, which
// identifies the user for some minutes, and a refresh token, which can be exchanged once for the
// next pair. An access token has the roles that the member had when it was issued, so a change of
// roles reaches clients with their next refresh, or at once through [Service.Renew].
//
// # Rotation and reuse detection
//
// One UPDATE replaces the hash of a token in its session by that of the successor, so only one of
// several concurrent requests with a token succeeds. The successor is derived from the token and a
// new random seed in the database. A client that lost the response can therefore get the same
// successor again for a short grace period (AUTH_REFRESH_GRACE) until the successor is used,
// although only hashes are stored (RFC 9700, section 4.14.2, with the retry of FAPI 2.0).
//
// Any other reuse means that two parties hold the token, so the session is revoked. Tokens have a mark
// made with a key of the session, which tells used tokens from forged ones without a list.
// Knowing the id of a session is not enough to end it, and nobody who reads the database can make a
// valid token from the hashes.
//
// # Time
//
// Expiry in the database is compared with the clock of the database, which all replicas share. A
// session ends when it is unused for AUTH_REFRESH_TOKEN_TTL or older than AUTH_SESSION_TTL.
//
// # Revocation
//
// An access token has the id of its session and a generation, which increases with every refresh.
// Revoking or renewing a session writes the first valid generation to revoked_sessions and notifies
// all replicas in the same transaction. [Service.Watch] keeps the [auth.Revocations] of a replica up
// to date; while it cannot, every token is looked up in the database.
//
// Package retention deletes revocations and revoked sessions after their last access token has
// expired. From then on their refresh tokens are invalid rather than revoked.
//
// # Tenants
//
// A session belongs to a member of one tenant, and row security keeps it there. A refresh token
// names its tenant and is looked up in that tenant only.
package session

import (
	"time"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

var log = logging.For()

// Session is a session in responses to its user.
type Session struct {
	ID         uuid.UUID `json:"id" db:"id"`
	CreatedAt  time.Time `json:"created_at" db:"created_at"`
	LastUsedAt time.Time `json:"last_used_at" db:"last_used_at"` // the login or the last refresh
	ExpiresAt  time.Time `json:"expires_at" db:"expires_at"`     // unless it is used again
	RemoteIP   string    `json:"remote_ip" db:"remote_ip"`
	UserAgent  string    `json:"user_agent" db:"user_agent"`
	Current    bool      `json:"current" db:"current"` // the session of this request
}

// Tokens are the result of a registration, a login or a refresh, in the terms of RFC 6749, section
// 5.1.
type Tokens struct {
	AccessToken  string    `json:"access_token"`
	RefreshToken string    `json:"refresh_token"`
	TokenType    string    `json:"token_type"` // always Bearer
	ExpiresIn    int64     `json:"expires_in"` // lifetime of the access token in seconds
	SessionID    uuid.UUID `json:"-"`
}

// maxSessions is the number of sessions of a member. One more ends the session that was unused for
// the longest time.
const maxSessions = 100

// The maximum lengths of texts about a client in characters.
const (
	maxRemoteIP  = 64
	maxUserAgent = 256
)

const (
	// maxAccessTTL is the maximum of AUTH_ACCESS_TOKEN_TTL. The current value does not apply to
	// tokens issued before the last restart or by a replica with another configuration.
	maxAccessTTL = 2 * time.Hour
	maxClockSkew = time.Minute // between the database and the replicas
)

// refusal is the reason why a refresh token is refused.
type refusal string

const (
	invalid refusal = "invalid_refresh_token"
	expired refusal = "expired_refresh_token"
	revoked refusal = "revoked_refresh_token"
	reused  refusal = "reused_refresh_token"
)

// sessionRow is a session as a refresh needs it.
type sessionRow struct {
	ID          uuid.UUID `db:"id"`
	TenantID    uuid.UUID `db:"tenant_id"`
	UserID      uuid.UUID `db:"user_id"`
	Family      []byte    `db:"family"`
	Seed        []byte    `db:"seed"` // of the last rotation
	RefreshHash []byte    `db:"refresh_hash"`
	Generation  int64     `db:"generation"`
	Revoked     bool      `db:"revoked"`
	Expired     bool      `db:"expired"`
	Left        float64   `db:"left"`     // seconds to AUTH_SESSION_TTL
	InGrace     bool      `db:"in_grace"` // the token before the last rotation may be used again
}

// refusal returns the reason why a session cannot be refreshed, or "".
func (r sessionRow) refusal() refusal {
	switch {
	case r.Revoked:
		return revoked
	case r.Expired:
		return expired
	}
	return ""
}

func (r sessionRow) principal(roles ...auth.Role) auth.Principal {
	return auth.Principal{UserID: r.UserID, TenantID: r.TenantID, SessionID: r.ID, Generation: r.Generation, Roles: roles}
}

// revocation is a session whose access tokens before MinGeneration are refused.
type revocation struct {
	SessionID     uuid.UUID `db:"session_id"`
	UserID        uuid.UUID `db:"user_id"`
	MinGeneration int64     `db:"min_generation"`
	Seconds       float64   `db:"seconds"` // until the last of these tokens has expired; set by [store.revocations] only
}

// Config holds the lifetimes of sessions and refresh tokens.
type Config struct {
	RefreshTokenTTL time.Duration `env:"AUTH_REFRESH_TOKEN_TTL" env-default:"720h" env-rule:"range=24h..2160h" env-description:"lifetime of a refresh token, and of an unused session"`
	TTL             time.Duration `env:"AUTH_SESSION_TTL" env-default:"2160h" env-rule:"range=24h..8760h" env-description:"maximum lifetime of a session"`
	RefreshGrace    time.Duration `env:"AUTH_REFRESH_GRACE" env-default:"10s" env-rule:"range=0s..60s" env-description:"period in which a rotated refresh token returns the same new token again"`
}

// Validate reports a session lifetime below that of its refresh tokens.
func (c *Config) Validate(report func(variable, rule, message string)) {
	if c.TTL < c.RefreshTokenTTL {
		report("AUTH_SESSION_TTL", "min", "must be at least AUTH_REFRESH_TOKEN_TTL")
	}
}
