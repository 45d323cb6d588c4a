package identity_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/audit"
	"github.com/netrun-systems/go-service-template/internal/app/identity"
	"github.com/netrun-systems/go-service-template/internal/app/session"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/server"
)

// operator returns an operator on the database of s.
func (s *service) operator(t testing.TB) *identity.Operator {
	t.Helper()
	hasher, err := auth.NewPasswords(cheap)
	require.NoError(t, err)
	trail := audit.NewTrail(s.pool)
	sessions := session.NewService(s.pool, nil, trail, auth.NewRevocations(session.Lookup(s.pool)), session.Config{}, 0)
	return identity.NewOperator(s.pool, hasher, sessions, trail)
}

// Only the account that is unlocked may try again, from everywhere.
func TestOperatorUnlocksOneAccount(t *testing.T) {
	t.Parallel()
	s, d := one(t)
	u, other := s.register(t), s.register(t)
	for _, email := range []string{u.Email, other.Email} {
		for _, from := range []server.Client{here, stranger} {
			for range 5 {
				s.fails(t, email, from, errors.CodeInvalidCredentials)
			}
			s.fails(t, email, from, errors.CodeRateLimitExceeded)
		}
	}
	failures := d.Count(t, `select count(*) from login_failures`)
	id, err := s.operator(t).Unlock(t.Context(), u.Email)
	require.NoError(t, err)
	assert.Equal(t, u.ID, id)
	require.NoError(t, s.login(t, u.Email, password, here))
	require.NoError(t, s.login(t, u.Email, password, stranger))
	s.fails(t, other.Email, here, errors.CodeRateLimitExceeded)
	s.fails(t, other.Email, stranger, errors.CodeRateLimitExceeded)
	assert.Equal(t, failures, d.Count(t, `select count(*) from login_failures`), "those of the addresses and of the other account stay")
	unlocked := events(t, d, "account_unlocked")
	assert.Equal(t, []event{{reason: "command_line", targetType: "user", targetID: u.ID.String()}}, unlocked)
}

// A deletion is all or nothing: the tenants that have another owner keep the member, too.
func TestOperatorKeepsTheLastOwner(t *testing.T) {
	t.Parallel()
	s, d := one(t)
	u := s.register(t)
	d.Member(t, u.TenantID, access.RoleViewer)
	d.Join(t, d.Tenant(t), u.ID, access.RoleViewer)
	second := d.Tenant(t)
	d.Join(t, second, u.ID, access.RoleOwner)
	d.Member(t, second, access.RoleOwner)
	_, err := s.operator(t).Delete(t.Context(), u.Email)
	require.True(t, errors.HasCode(err, errors.CodeConflict), "%v", err)
	assert.ErrorContains(t, err, u.TenantID.String())
	assert.Equal(t, 3, d.Count(t, `select count(*) from members where user_id = $1`, u.ID))
	require.NoError(t, s.login(t, u.Email, password, here))

	d.Member(t, u.TenantID, access.RoleOwner)
	_, err = s.operator(t).Delete(t.Context(), u.Email)
	require.NoError(t, err)
	assert.Zero(t, d.Count(t, `select count(*) from members where user_id = $1`, u.ID))
	assert.Zero(t, d.Count(t, `select count(*) from login_addresses`))
	removed := events(t, d, "member_removed")
	require.Len(t, removed, 3)
	for _, e := range removed {
		assert.Equal(t, "account_deleted", e.reason)
		assert.Zero(t, e.actor)
	}
	assert.Len(t, events(t, d, "account_deleted"), 1)
	s.fails(t, u.Email, here, errors.CodeInvalidCredentials)
}

// A deletion waits for a membership that is being added, and ends it.
func TestOperatorDeletesWaitsForMembership(t *testing.T) {
	t.Parallel()
	s, d := one(t)
	u := s.register(t)
	d.Member(t, u.TenantID, access.RoleOwner)
	tenant := d.Tenant(t)
	tx, err := d.Superuser.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = tx.ExecContext(t.Context(), `insert into members (tenant_id, user_id, role) values ($1, $2, 'viewer')`, tenant, u.ID)
	require.NoError(t, err)
	deleted := make(chan error, 1)
	operator := s.operator(t)
	go func() {
		_, err := operator.Delete(t.Context(), u.Email)
		deleted <- err
	}()
	d.AwaitLock(t)
	require.NoError(t, tx.Commit())
	require.NoError(t, <-deleted)
	assert.Zero(t, d.Count(t, `select count(*) from members where user_id = $1`, u.ID))
}

func TestOperatorVerifies(t *testing.T) {
	t.Parallel()
	s, d := one(t)
	u := s.register(t)
	for range 2 {
		id, err := s.operator(t).Verify(t.Context(), u.Email)
		require.NoError(t, err)
		assert.Equal(t, u.ID, id)
	}
	one := event{reason: "command_line", targetType: "user", targetID: u.ID.String()}
	assert.Equal(t, []event{one, one}, events(t, d, "account_verified"), "one entry for each command")
	id, err := s.operator(t).Verify(t.Context(), nobody())
	assert.True(t, errors.HasCode(err, errors.CodeNotFound), "%v", err)
	assert.Equal(t, uuid.Nil, id)
}
