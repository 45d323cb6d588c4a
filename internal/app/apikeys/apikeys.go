// Package apikeys manages API keys, the credentials of programs. A key belongs to a member of a
// tenant. It allows what its scopes name and the current role of the member allows: a member who
// loses a permission loses it for their keys too, and the keys of a removed member are deleted.
//
// A key is shown once, in the response that creates it. The database stores its SHA-256, which is
// enough for 256 random bits, and a hint that helps its owner to recognize it. Every key expires
// after a year at most.
//
// # Limits of a key
//
// A key cannot create keys, and can delete only itself. A leaked key can therefore be revoked
// without leaving another one behind. Members see and delete their own keys; members who may write
// users, those of the whole tenant.
//
// # Inactive keys
//
// The newest [maxKeys] revoked or expired keys of a member are kept, so that requests with them are
// rejected with the reason. Revoked keys are not listed.
package apikeys

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/server/request"
)

const (
	maxName    = 100 // characters
	maxKeys    = 50  // active keys of a member
	defaultTTL = 90 * 24 * time.Hour
	maxTTL     = 366 * 24 * time.Hour
	maxSeconds = int64(maxTTL / time.Second)
)

// Key is an API key in responses, without its secret.
type Key struct {
	ID         uuid.UUID      `json:"id" db:"id"`
	UserID     uuid.UUID      `json:"user_id" db:"user_id"` // the owner
	Name       string         `json:"name" db:"name"`
	Scopes     pq.StringArray `json:"scopes" db:"scopes"` // permissions, sorted
	Hint       string         `json:"hint" db:"hint"`     // start and end of the key
	ExpiresAt  *time.Time     `json:"expires_at" db:"expires_at"`
	LastUsedAt *time.Time     `json:"last_used_at" db:"last_used_at"` // to the minute
	CreatedAt  time.Time      `json:"created_at" db:"created_at"`
}

// Created is the response to POST /v1/api-keys, the only one with the text of the key.
type Created struct {
	Key
	Text string `json:"key"`
}

// CreateRequest is the body of POST /v1/api-keys. The key expires at ExpiresAt, or ExpiresIn
// seconds from now, or else after 90 days.
type CreateRequest struct {
	Name      string            `json:"name"`
	Scopes    []auth.Permission `json:"scopes"`
	ExpiresIn *int64            `json:"expires_in"`
	ExpiresAt *time.Time        `json:"expires_at"`
}

// validate normalizes the request and returns the expiry of the key.
func (r *CreateRequest) validate(now time.Time) (expires time.Time, err error) {
	r.Name = strings.TrimSpace(r.Name)
	var check request.Check
	check.Text("name", r.Name, 1, maxName)
	r.validateScopes(&check)
	expires = now.Add(defaultTTL)
	switch {
	case r.ExpiresIn != nil && r.ExpiresAt != nil:
		check.Add("expires_in", "exclusive", "must not be set together with expires_at")
	case r.ExpiresIn != nil:
		check.Range("expires_in", *r.ExpiresIn, 1, maxSeconds)
		expires = now.Add(time.Duration(*r.ExpiresIn) * time.Second)
	case r.ExpiresAt != nil:
		expires = *r.ExpiresAt
		if !expires.After(now) || expires.After(now.Add(maxTTL)) {
			check.Add("expires_at", "range", "must be in the future and at most a year away")
		}
	}
	return expires.Truncate(time.Microsecond), check.Err()
}

// validateScopes also sorts the scopes and removes duplicates.
func (r *CreateRequest) validateScopes(check *request.Check) {
	switch most := len(access.Permissions()); {
	case len(r.Scopes) == 0:
		check.Add("scopes", "required", "must have at least one permission")
	case len(r.Scopes) > most:
		check.Add("scopes", "max_items", "must have at most "+strconv.Itoa(most)+" permissions")
	default:
		for i, scope := range r.Scopes {
			if !access.Policy.Known(scope) {
				check.Add("scopes."+strconv.Itoa(i), "permission", "must be a permission such as users:read, without a wildcard")
			}
		}
		slices.Sort(r.Scopes)
		r.Scopes = slices.Compact(r.Scopes)
	}
}
