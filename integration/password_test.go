package integration

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// changePassword asks for another password.
func (c client) changePassword(current, next string) response {
	c.t.Helper()
	return c.post("/v1/me/password", map[string]any{"current_password": current, "new_password": next})
}

func TestPasswordIsChanged(t *testing.T) {
	t.Parallel()
	s := start(t, env{"AUTH_MAX_FAILURES": "3"})
	owner := s.client.register()
	bob := owner.member("member")
	other := bob.login()
	const next = "amber harbour seven lanterns"

	for field, res := range map[string]response{
		"current_password": bob.changePassword("a wrong password", next),
		"new_password":     bob.changePassword(password, "short"),
	} {
		res.problem(errors.CodeValidation)
		assert.Equal(t, []string{field}, res.fields())
	}
	bob.changePassword("", "").problem(errors.CodeValidation)
	require.Equal(t, http.StatusNoContent, bob.changePassword(password, next).status)
	assert.Equal(t, http.StatusOK, bob.get("/v1/me").status, "the session that asks goes on")
	other.get("/v1/me").problem(errors.CodeTokenRevoked)
	other.refreshWith(other.refresh).problem(errors.CodeTokenRevoked)
	s.client.guess(bob.email, password).problem(errors.CodeInvalidCredentials)
	assert.Equal(t, http.StatusOK, s.client.guess(bob.email, next).status)
	events := owner.trail("?actor_id=" + bob.userID)
	assert.Contains(t, events, "password_changed")
	assert.Contains(t, events, "login_failed")

	for range 3 {
		bob.changePassword("a wrong password", next).problem(errors.CodeValidation)
	}
	bob.changePassword(next, password).problem(errors.CodeRateLimitExceeded)
	_, key := owner.key("notes:read")
	owner.withKey(key, "POST", "/v1/me/password", map[string]any{"current_password": password, "new_password": next}).problem(errors.CodeAuthorization)
	for _, secret := range []string{password, next} {
		assert.NotContains(t, s.dump(), secret)
	}
}
