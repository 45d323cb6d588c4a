package session

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

var log = logging.For()

// Session is a session as its user sees it.
type Session struct {
	ID         uuid.UUID `json:"id" db:"id"`
	CreatedAt  time.Time `json:"created_at" db:"created_at"`
	LastUsedAt time.Time `json:"last_used_at" db:"last_used_at"` // the login or the last refresh
	ExpiresAt  time.Time `json:"expires_at" db:"expires_at"`     // when it ends if it is not used again
	RemoteIP   string    `json:"remote_ip" db:"remote_ip"`
	UserAgent  string    `json:"user_agent" db:"user_agent"`
	Current    bool      `json:"current" db:"current"` // it is the one that asks
}

// Tokens is what a client needs to make requests, in the terms of RFC 6749, section 5.1.
type Tokens struct {
	AccessToken  string    `json:"access_token"`
	RefreshToken string    `json:"refresh_token"`
	TokenType    string    `json:"token_type"` // always Bearer
	ExpiresIn    int64     `json:"expires_in"` // seconds that the access token is good for
	SessionID    uuid.UUID `json:"-"`
}

// Client is where a request comes from, as far as it says.
type Client struct{ RemoteIP, UserAgent string }

// The longest texts that are kept of a [Client], in characters.
const (
	maxRemoteIP  = 64
	maxUserAgent = 256
)

// kept returns c as it is stored: cut, and without what PostgreSQL cannot hold, since headers are any bytes.
func (c Client) kept() Client {
	return Client{db.Text(c.RemoteIP, maxRemoteIP), db.Text(c.UserAgent, maxUserAgent)}
}

// Issuer makes access tokens, as [auth.Issuer] does.
type Issuer interface {
	IssueUntil(p auth.Principal, end time.Time) (token string, expires time.Time, err error)
}

// Options are what a [Service] needs; all but Leeway are required.
type Options struct {
	Pool        *db.Pool
	Issuer      Issuer
	Audit       Recorder
	Revocations *auth.Revocations // this replica's list, which its [auth.Verifier] asks
	Config      Config            // the lives of sessions
	Leeway      time.Duration     // clock skew that is forgiven in access tokens
}

// Service opens sessions, carries them on and ends them. It is safe for concurrent use.
type Service struct {
	pool        *db.Pool
	store       store
	issuer      Issuer
	audit       Recorder
	revocations *auth.Revocations
	config      Config
	leeway      time.Duration
}

// NewService returns a service.
func NewService(o Options) *Service {
	return &Service{
		pool: o.Pool, store: store{o.Pool}, issuer: o.Issuer, audit: o.Audit, revocations: o.Revocations, config: o.Config, leeway: o.Leeway,
	}
}

// maxSessions is how many sessions a member has at a time. One more ends the one that was not used for the longest time.
const maxSessions = 100

// Open opens a session of a member and returns its first tokens. A user who is no member is a TENANT_ACCESS_DENIED. It may
// run inside a transaction, and what it did is undone with it.
func (s *Service) Open(ctx context.Context, tenantID, userID uuid.UUID, from Client) (t Tokens, err error) {
	id, err := uuid.NewV7()
	if err != nil {
		return t, errors.Internal(err, "make a session id")
	}
	family := auth.NewSeed()
	refresh := auth.NewRefreshToken(tenantID, id, family)
	err = s.pool.InTenant(db.WithUser(db.WithTenant(ctx, tenantID), userID), func(ctx context.Context) error {
		role, err := s.store.lockedRole(ctx, userID)
		if err != nil {
			return err
		}
		if err := s.store.prune(ctx, userID); err != nil {
			return err
		}
		if err := s.store.insert(ctx, newSession{id, tenantID, userID, family, auth.NewSeed(), refresh.Hash(), from.kept()}, s.config); err != nil {
			return err
		}
		if _, err := s.revoke(ctx, "too_many_sessions", surplus, userID, maxSessions); err != nil {
			return err
		}
		p := auth.Principal{UserID: userID, TenantID: tenantID, Roles: []auth.Role{role}, SessionID: id}
		if t, err = s.tokens(p, refresh, s.config.TTL); err != nil {
			return err
		}
		return s.record(ctx, "token_issued", "login", p, from)
	})
	return t, err
}

// tokens makes the answer to a login or a refresh. left is how long the session can go on; no access token outlives it.
func (s *Service) tokens(p auth.Principal, refresh auth.RefreshToken, left time.Duration) (Tokens, error) {
	access, expires, err := s.issuer.IssueUntil(p, time.Now().Add(left))
	if err != nil {
		return Tokens{}, errors.Internal(err, "issue an access token")
	}
	return Tokens{
		AccessToken: access, RefreshToken: refresh.Reveal(), TokenType: "Bearer",
		ExpiresIn: int64(time.Until(expires).Round(time.Second).Seconds()), SessionID: p.SessionID,
	}, nil
}

// List returns the sessions of the principal's user in the tenant, [maxSessions] at most, the last used first.
func (s *Service) List(ctx context.Context, p auth.Principal) (list []Session, err error) {
	err = s.pool.InTenant(ctx, func(ctx context.Context) error {
		list, err = s.store.list(ctx, p.UserID, p.SessionID)
		return err
	})
	return list, err
}
