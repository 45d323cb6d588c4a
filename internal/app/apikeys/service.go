package apikeys

import (
	"context"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/audit"
	"github.com/netrun-systems/go-service-template/internal/app/paging"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

var log = logging.For()

// Recorder keeps the audit trail, as [audit.Recorder] does.
type Recorder interface {
	Record(ctx context.Context, e audit.Entry) error
}

// Service makes, shows and ends API keys, and says whose one is. Its methods act for the tenant of ctx. It is safe for
// concurrent use.
type Service struct {
	pool  *db.Pool
	keys  store
	used  *usage
	trail Recorder
}

// NewService returns a service over the pool. When keys were last used is written down by [Service.Run].
func NewService(pool *db.Pool, trail Recorder) *Service {
	return &Service{pool: pool, keys: store{pool}, used: newUsage(), trail: trail}
}

// Create makes a key of the principal. A scope that the principal does not have now is a PERMISSION_DENIED, one key too many
// a RESOURCE_CONFLICT. An API key makes no keys: that is an AUTHORIZATION_ERROR.
func (s *Service) Create(ctx context.Context, by auth.Principal, d Draft) (c Created, err error) {
	if by.APIKeyID != uuid.Nil {
		return c, errors.New(errors.CodeAuthorization, "An API key cannot make API keys")
	}
	expires, err := d.validate(time.Now())
	if err != nil {
		return c, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return c, errors.Internal(err, "make an API key id")
	}
	key := auth.NewAPIKey(by.TenantID, id)
	err = s.pool.InTenant(ctx, func(ctx context.Context) error {
		if err := s.admit(ctx, by, d); err != nil {
			return err
		}
		if c.Key, err = s.keys.insert(ctx, key, by.UserID, d, expires); err != nil {
			return err
		}
		return s.trail.Record(ctx, audit.Entry{
			Event: "api_key_created", TargetType: "api_key", TargetID: id.String(),
			Details: map[string]any{"name": d.Name, "scopes": d.Scopes, "expires_at": expires},
		})
	})
	if err != nil {
		return Created{}, err
	}
	c.Text = key.Reveal()
	return c, nil
}

// admit says whether the principal may have one more key, with these scopes, by the role that it has now.
func (s *Service) admit(ctx context.Context, by auth.Principal, d Draft) error {
	role, err := s.keys.lockedRole(ctx, by.UserID)
	if err != nil {
		return err
	}
	by.Roles = []auth.Role{role}
	for _, scope := range append([]auth.Permission{access.APIKeysWrite}, d.Scopes...) {
		if !access.Policy.Allows(by, scope) {
			return errors.PermissionDenied(string(scope))
		}
	}
	n, err := s.keys.count(ctx, by.UserID)
	if err != nil {
		return err
	}
	if n >= maxKeys {
		return errors.Conflict("There are " + strconv.Itoa(maxKeys) + " API keys already: delete one first")
	}
	return s.keys.prune(ctx, by.UserID, maxKeys)
}

// visible returns whose keys the principal sees: their own, or those of the tenant where they may write users.
func visible(by auth.Principal) reach {
	if access.Policy.Allows(by, access.UsersWrite) {
		return reach{}
	}
	return reach(by.UserID)
}

// Get returns a key that the principal may see.
func (s *Service) Get(ctx context.Context, by auth.Principal, id uuid.UUID) (k Key, err error) {
	err = s.pool.InTenant(ctx, func(ctx context.Context) error {
		k, err = s.keys.get(ctx, visible(by), id)
		return err
	})
	return k, err
}

// List returns a page of the keys that the principal may see, newest first.
func (s *Service) List(ctx context.Context, by auth.Principal, q paging.Query) (paging.Page[Key], error) {
	load := func(before uuid.UUID, limit int) (list []Key, err error) {
		err = s.pool.InTenant(ctx, func(ctx context.Context) error {
			list, err = s.keys.list(ctx, visible(by), before, limit)
			return err
		})
		return list, err
	}
	return paging.Load(q, nil, func(k Key) uuid.UUID { return k.ID }, load)
}

// Revoke ends a key that the principal may see, from the next request on. An API key ends no other than itself: that is an
// AUTHORIZATION_ERROR.
func (s *Service) Revoke(ctx context.Context, by auth.Principal, id uuid.UUID) error {
	if by.APIKeyID != uuid.Nil && by.APIKeyID != id {
		return errors.New(errors.CodeAuthorization, "An API key can delete no other API key")
	}
	return s.pool.InTenant(ctx, func(ctx context.Context) error {
		owner, err := s.keys.revoke(ctx, visible(by), id)
		if err != nil {
			return err
		}
		return s.trail.Record(ctx, audit.Entry{
			Event: "api_key_revoked", TargetType: "api_key", TargetID: id.String(), Details: map[string]any{"owner_id": owner},
		})
	})
}
