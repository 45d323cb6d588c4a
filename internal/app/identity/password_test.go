package identity_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/identity"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

func TestChangePassword(t *testing.T) {
	t.Parallel()
	s, d := one(t)
	u := s.register(t)
	p := auth.Principal{UserID: u.ID, TenantID: u.TenantID, SessionID: uuid.New()}
	change := identity.PasswordChange{Current: password, New: "amber harbour seven lanterns"}
	require.NoError(t, s.ChangePassword(t.Context(), p, change, here))
	assert.Zero(t, d.Count(t, `select count(*) from sessions where revoked_at is null`), "that of the registration is another one")
	changed := s.trail.of("password_changed")
	require.Len(t, changed, 1)
	assert.Equal(t, u.TenantID.String(), changed[0].tenant)
	s.client.leave = nil
	s.fails(t, u.Email, here, errors.CodeInvalidCredentials)

	change = identity.PasswordChange{Current: change.New, New: password}
	s.client.leave = func() { d.Exec(t, `update users set password_hash = 'another'`) }
	err := s.ChangePassword(t.Context(), p, change, here)
	assert.True(t, errors.HasCode(err, errors.CodeConflict), "somebody else was faster: %v", err)
	assert.Len(t, s.trail.of("password_changed"), 1)

	p.APIKeyID = uuid.New()
	err = s.ChangePassword(t.Context(), p, change, here)
	assert.True(t, errors.HasCode(err, errors.CodeAuthorization), "%v", err)
	err = s.ChangePassword(t.Context(), auth.Principal{UserID: uuid.New(), TenantID: u.TenantID}, change, here)
	assert.True(t, errors.HasCode(err, errors.CodeNotFound), "%v", err)
}
