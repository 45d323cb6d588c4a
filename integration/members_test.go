package integration

import (
	"net/http"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

func TestMemberLifecycle(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	owner, stranger := s.client.register(), s.client.register()
	bob := owner.member("member")
	path := bob.create("Bob's")

	assert.ElementsMatch(t, []string{owner.email, bob.email}, owner.get("/v1/users").items("email"))
	stranger.setRole(bob.userID, "viewer").problem(errors.CodeNotFound)
	stranger.delete("/v1/users/" + bob.userID).problem(errors.CodeNotFound)
	owner.setRole(bob.userID, "emperor").problem(errors.CodeValidation)

	require.Equal(t, http.StatusOK, owner.setRole(bob.userID, "viewer").status)
	bob.delete(path).problem(errors.CodeTokenRevoked)
	bob = bob.mustRefresh()
	bob.delete(path).problem(errors.CodePermissionDenied)
	assert.Equal(t, "viewer", bob.get("/v1/me").text("role"))

	require.Equal(t, http.StatusNoContent, owner.delete("/v1/users/"+bob.userID).status)
	bob.get("/v1/me").problem(errors.CodeTokenRevoked)
	bob.refreshWith(bob.refresh).problem(errors.CodeTokenRevoked)
	s.client.post("/v1/auth/login", map[string]any{"email": bob.email, "password": password, "tenant_id": owner.tenantID}).
		problem(errors.CodeTenantAccessDenied)
}

func TestLastOwnerCannotLeave(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	owner := s.client.register()
	admin := owner.member("admin")
	owner.setRole(owner.userID, "member").problem(errors.CodeConflict)
	owner.delete("/v1/users/" + owner.userID).problem(errors.CodeConflict)
	admin.setRole(owner.userID, "viewer").problem(errors.CodePermissionDenied)
	admin.delete("/v1/users/" + owner.userID).problem(errors.CodePermissionDenied)
	admin.setRole(admin.userID, "owner").problem(errors.CodePermissionDenied)
	admin.post("/v1/users", map[string]any{"email": uuid.NewString() + "@example.com", "password": password, "role": "owner"}).
		problem(errors.CodePermissionDenied)

	denied := owner.get("/v1/audit?event=permission_denied&actor_id=" + admin.userID).value("items").([]any)
	require.Len(t, denied, 3, "rejections must be in the audit trail, at most one a minute for each route")
	assert.Equal(t, "forbidden_by_rule", denied[0].(map[string]any)["reason"])

	second := owner.member("owner")
	var (
		all     sync.WaitGroup
		results = make([]response, 2)
	)
	for i, c := range []client{owner, second} { // both leave at once
		all.Go(func() { results[i] = c.delete("/v1/users/" + c.userID) })
	}
	all.Wait()
	assert.ElementsMatch(t, []int{http.StatusNoContent, http.StatusConflict}, []int{results[0].status, results[1].status},
		"%s %s", results[0].body, results[1].body)
}

func TestUserInSeveralTenants(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	ada, bob := s.client.register(), s.client.register()
	ada.post("/v1/users", map[string]any{"email": bob.email, "password": password, "role": "member"}).problem(errors.CodeConflict)
	ada.post("/v1/users", map[string]any{"email": bob.email, "role": "viewer"}).problem(errors.CodeConflict) // the email is not verified
	verify := func(args ...string) ran {
		return run(t, t.TempDir(), env{"APP_ENVIRONMENT": "testing", "DATABASE_URL": s.dsn}, append([]string{"user", "verify"}, args...)...)
	}
	assert.Equal(t, 2, verify().code)
	assert.Equal(t, 1, verify("--email", uuid.NewString()+"@example.com").code)
	verified := verify("--email", bob.email)
	require.Zero(t, verified.code, verified.stderr)
	assert.Equal(t, bob.userID+"\n", verified.stdout)
	res := ada.post("/v1/users", map[string]any{"email": bob.email, "role": "viewer"})
	require.Equal(t, http.StatusCreated, res.status, string(res.body))
	ada.post("/v1/users", map[string]any{"email": bob.email, "role": "viewer"}).problem(errors.CodeConflict)
	ada.post("/v1/users", map[string]any{"email": uuid.NewString() + "@example.com", "role": "viewer"}).problem(errors.CodeValidation)

	viewer := bob
	viewer.tenantID = ada.tenantID
	viewer = viewer.login()
	assert.Equal(t, "viewer", viewer.get("/v1/me").text("role"))
	assert.Equal(t, "owner", bob.login().get("/v1/me").text("role"))

	require.Equal(t, http.StatusNoContent, viewer.post("/v1/auth/logout-all", nil).status)
	for _, tenant := range []client{ada, bob.login()} {
		items := tenant.get("/v1/audit?event=session_revoked").value("items").([]any)
		require.NotEmpty(t, items, "sessions must be revoked in every tenant")
		for _, item := range items {
			if tenant.tenantID == bob.tenantID {
				assert.Nil(t, item.(map[string]any)["session_id"], "the audit trail must not contain session ids of another tenant")
			}
		}
	}
}
