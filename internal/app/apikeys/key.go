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
	maxName     = 100 // characters
	maxKeys     = 50  // that a member has at a time
	defaultLife = 90 * 24 * time.Hour
	maxLife     = 366 * 24 * time.Hour
)

// Key is an API key as clients see it: everything but the key.
type Key struct {
	ID         uuid.UUID      `json:"id" db:"id"`
	UserID     uuid.UUID      `json:"user_id" db:"user_id"` // whose it is
	Name       string         `json:"name" db:"name"`
	Scopes     pq.StringArray `json:"scopes" db:"scopes"` // permissions, sorted
	Hint       string         `json:"hint" db:"hint"`     // beginning and end of the key
	ExpiresAt  *time.Time     `json:"expires_at" db:"expires_at"`
	LastUsedAt *time.Time     `json:"last_used_at" db:"last_used_at"` // to the minute; null for never
	CreatedAt  time.Time      `json:"created_at" db:"created_at"`
}

// Created is a new key, with the text that is shown this once.
type Created struct {
	Key
	Text string `json:"key"`
}

// Draft is what a client says of a new key. It ends at ExpiresAt, or ExpiresIn seconds from now, or after 90 days where
// neither is there.
type Draft struct {
	Name      string            `json:"name"`
	Scopes    []auth.Permission `json:"scopes"`
	ExpiresIn *int64            `json:"expires_in"`
	ExpiresAt *time.Time        `json:"expires_at"`
}

// validate returns when the key ends, to the second.
func (d *Draft) validate(now time.Time) (expires time.Time, err error) {
	d.Name = strings.TrimSpace(d.Name)
	var check request.Check
	check.Text("name", d.Name, 1, maxName)
	d.checkScopes(&check)
	expires = now.Add(defaultLife)
	switch {
	case d.ExpiresIn != nil && d.ExpiresAt != nil:
		check.Add("expires_in", "exclusive", "must not be there together with expires_at")
	case d.ExpiresIn != nil:
		if *d.ExpiresIn < 1 || *d.ExpiresIn > int64(maxLife/time.Second) {
			check.Add("expires_in", "range", "must be in 1.."+strconv.FormatInt(int64(maxLife/time.Second), 10)+", in seconds")
			break
		}
		expires = now.Add(time.Duration(*d.ExpiresIn) * time.Second)
	case d.ExpiresAt != nil:
		expires = *d.ExpiresAt
		if !expires.After(now) || expires.After(now.Add(maxLife)) {
			check.Add("expires_at", "range", "must be in the future and at most a year away")
		}
	}
	return expires.UTC().Truncate(time.Microsecond), check.Err()
}

// checkScopes leaves the scopes sorted and without repetitions.
func (d *Draft) checkScopes(check *request.Check) {
	switch known := access.Permissions(); {
	case len(d.Scopes) == 0:
		check.Add("scopes", "required", "must have at least one permission")
		return
	case len(d.Scopes) > len(known):
		check.Add("scopes", "max_items", "must have at most "+strconv.Itoa(len(known))+" permissions")
		return
	}
	for i, scope := range d.Scopes {
		if !access.Policy.Known(scope) {
			check.Add("scopes."+strconv.Itoa(i), "permission", "must be a permission such as notes:read, without a wildcard")
		}
	}
	slices.Sort(d.Scopes)
	d.Scopes = slices.Compact(d.Scopes)
}

func texts(scopes []auth.Permission) pq.StringArray {
	list := make(pq.StringArray, len(scopes))
	for i, scope := range scopes {
		list[i] = string(scope)
	}
	return list
}

// permissions is never nil: a key without scopes could do everything.
func permissions(list pq.StringArray) []auth.Permission {
	scopes := make([]auth.Permission, len(list))
	for i, scope := range list {
		scopes[i] = auth.Permission(scope)
	}
	return scopes
}
