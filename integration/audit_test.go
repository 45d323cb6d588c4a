package integration

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

func TestAuditTrail(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	owner, stranger := s.client.register(), s.client.register()
	bob := owner.member("member")
	s.client.guess(bob.email, "a wrong password").problem(errors.CodeInvalidCredentials)
	id, key := bob.key("users:read")
	require.Equal(t, http.StatusNoContent, bob.delete("/v1/api-keys/"+id).status)
	require.Equal(t, http.StatusOK, owner.setRole(bob.userID, "viewer").status)
	bob = bob.mustRefresh()
	bob.get("/v1/audit").problem(errors.CodePermissionDenied)
	require.Equal(t, http.StatusNoContent, bob.post("/v1/auth/logout", nil).status)

	events := owner.trail("?limit=100")
	for _, event := range []string{
		"tenant_registered", "token_issued", "member_added", "login_succeeded", "login_failed", "api_key_created", "api_key_revoked",
		"member_role_changed", "permission_denied", "session_revoked",
	} {
		assert.Contains(t, events, event)
	}
	body := string(owner.get("/v1/audit?limit=100").body)
	for _, secret := range []string{owner.token, owner.refresh, bob.token, bob.refresh, key, password} {
		assert.NotContains(t, body, secret, "the audit trail must not contain secrets")
	}
	assert.NotContains(t, stranger.trail("?limit=100"), "member_added", "the audit trail of another tenant")

	assert.Equal(t, []string{"login_failed"}, owner.trail("?event=login_failed"))
	assert.NotEmpty(t, owner.trail("?actor_id="+bob.userID))
	page := owner.get("/v1/audit?limit=2")
	assert.Len(t, page.value("items"), 2)
	next := owner.trail("?limit=2&cursor=" + page.text("next_cursor"))
	assert.Len(t, next, 2)
	assert.Equal(t, events[2:4], next)
	for _, bad := range []string{"?limit=0", "?limit=101", "?cursor=x", "?actor_id=x", "?since=yesterday"} {
		owner.get("/v1/audit" + bad).problem(errors.CodeValidation)
	}
}

// Audit entries cannot be changed or deleted, not even by the role of the service.
func TestAuditTrailIsAppendOnly(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	owner := s.client.register()
	for _, statement := range []string{
		"update audit_events set event = 'nothing'", "delete from audit_events", "truncate audit_events",
	} {
		tx, err := apptest.Superuser(t, s.dsn).BeginTx(t.Context(), nil)
		require.NoError(t, err)
		_, err = tx.ExecContext(t.Context(), "set local role app_role")
		require.NoError(t, err)
		_, err = tx.ExecContext(t.Context(), "select set_config('app.tenant_id', $1, true)", owner.tenantID)
		require.NoError(t, err)
		_, err = tx.ExecContext(t.Context(), statement)
		require.Error(t, err, statement)
		require.NoError(t, tx.Rollback())
	}
	assert.Contains(t, owner.trail(""), "tenant_registered")
}
