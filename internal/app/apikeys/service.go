package apikeys

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/audit"
	"github.com/netrun-systems/go-service-template/internal/app/members"
	"github.com/netrun-systems/go-service-template/internal/app/paging"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

var log = logging.For()

// Service creates, lists, revokes and authenticates API keys in the tenant of ctx. It is safe for
// concurrent use.
type Service struct {
	pool    *db.Pool
	store   store
	members members.Store
	audit   audit.Recorder
}

// NewService returns a service over the pool.
func NewService(pool *db.Pool, trail audit.Recorder) *Service {
	return &Service{pool: pool, store: store{pool}, members: members.NewStore(pool), audit: trail}
}

// Create creates a key of the principal. A scope that the principal does not have now is a
// PERMISSION_DENIED, too many keys are a RESOURCE_CONFLICT, and an API key as principal is an
// AUTHORIZATION_ERROR.
func (s *Service) Create(ctx context.Context, p auth.Principal, r CreateRequest) (Created, error) {
	if p.APIKeyID != uuid.Nil {
		return Created{}, errors.New(errors.CodeAuthorization, "An API key cannot make API keys")
	}
	expires, err := r.validate(time.Now())
	if err != nil {
		return Created{}, err
	}
	id := db.NewID()
	key := auth.NewAPIKey(p.TenantID, id)
	return db.InTenant(ctx, s.pool, func(ctx context.Context) (Created, error) {
		if err := s.checkLimits(ctx, p, r.Scopes); err != nil {
			return Created{}, err
		}
		saved, err := s.store.insert(ctx, key, p.UserID, r, expires)
		if err != nil {
			return Created{}, err
		}
		return Created{saved, key.Reveal()}, s.audit.Record(ctx, audit.Entry{
			Event: "api_key_created", TargetType: "api_key", TargetID: id.String(),
			Details: map[string]any{"name": r.Name, "scopes": r.Scopes, "expires_at": expires},
		})
	})
}

// checkLimits checks the scopes of a new key against the current role of the principal, and the
// number of keys.
func (s *Service) checkLimits(ctx context.Context, p auth.Principal, scopes []auth.Permission) error {
	// The lock also keeps the number of keys until the transaction ends.
	role, err := s.members.Role(ctx, p.UserID, members.Exclusive)
	if err != nil {
		return err
	}
	p.Roles = []auth.Role{role}
	for _, scope := range append([]auth.Permission{access.APIKeysWrite}, scopes...) {
		if !access.Policy.Allows(p, scope) {
			return errors.PermissionDenied(string(scope))
		}
	}
	n, err := s.store.count(ctx, p.UserID)
	if err != nil {
		return err
	}
	if n >= maxKeys {
		return errors.Conflict("There are " + strconv.Itoa(maxKeys) + " API keys already: delete one first")
	}
	return s.store.deleteInactive(ctx, p.UserID, maxKeys)
}

// visibleTo returns the owner whose keys the principal may see, zero for all owners in the tenant.
func visibleTo(p auth.Principal) uuid.UUID {
	if access.Policy.Allows(p, access.UsersWrite) {
		return uuid.Nil
	}
	return p.UserID
}

// Get returns a key that the principal may see.
func (s *Service) Get(ctx context.Context, p auth.Principal, id uuid.UUID) (Key, error) {
	return s.store.get(ctx, visibleTo(p), id)
}

// List returns a page of the keys that the principal may see, newest first.
func (s *Service) List(ctx context.Context, p auth.Principal, q paging.Query) (paging.Page[Key], error) {
	load := func(after paging.Position, limit int) ([]Key, error) {
		return s.store.list(ctx, visibleTo(p), after, limit)
	}
	position := func(k Key) paging.Position { return paging.Position{Time: k.CreatedAt, ID: k.ID} }
	return paging.Load(q, nil, position, load)
}

// Revoke revokes a key that the principal may see. The next request with it is rejected. An API key
// that revokes another one is an AUTHORIZATION_ERROR.
func (s *Service) Revoke(ctx context.Context, p auth.Principal, id uuid.UUID) error {
	if p.APIKeyID != uuid.Nil && p.APIKeyID != id {
		return errors.New(errors.CodeAuthorization, "An API key can delete no other API key")
	}
	return s.pool.InTenant(ctx, func(ctx context.Context) error {
		owner, err := s.store.revoke(ctx, visibleTo(p), id)
		if err != nil {
			return err
		}
		return s.audit.Record(ctx, audit.Entry{
			Event: "api_key_revoked", TargetType: "api_key", TargetID: id.String(), Details: map[string]any{"owner_id": owner},
		})
	})
}

// Authenticate returns the principal of a key for [auth.Authentication]: its owner with their
// current role, limited to the scopes of the key. It looks the key up in the tenant that the key
// names, and saves the time of the use at most once a minute.
func (s *Service) Authenticate(ctx context.Context, key auth.APIKey) (p auth.Principal, err error) {
	ctx = db.WithTenant(ctx, key.TenantID())
	c, err := s.store.find(ctx, key.ID())
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return p, auth.ReasonAPIKeyUnknown
	case err != nil:
		return p, fmt.Errorf("look up an API key: %w", err)
	case !key.Matches(c.Hash):
		return p, auth.ReasonAPIKeyUnknown
	}
	p = auth.Principal{
		UserID: c.UserID, TenantID: key.TenantID(), Roles: []auth.Role{c.Role},
		APIKeyID: key.ID(), Scopes: permissions(c.Scopes),
	}
	if c.Expires != nil {
		p.ExpiresAt = *c.Expires
	}
	switch {
	case c.Revoked:
		return p, auth.ReasonAPIKeyRevoked
	case c.Expired:
		return p, auth.ReasonAPIKeyExpired
	case c.SaveUse:
		s.saveUse(ctx, key.ID())
	}
	return p, nil
}

const saveTimeout = time.Second

// saveUse saves when a key was last used. The request does not depend on that: an error is logged.
func (s *Service) saveUse(ctx context.Context, key uuid.UUID) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
	defer cancel()
	if err := s.pool.InTenant(ctx, func(ctx context.Context) error { return s.store.saveUse(ctx, key) }); err != nil {
		log.Warn(ctx, "api_key_use_not_noted", logging.Err(err))
	}
}
