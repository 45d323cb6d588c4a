package integration

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/apptest"
)

// Tests that need some data of a tenant use API keys: members read and write them, viewers do not.
// To use another resource, change this file.
const (
	resources       = "/v1/api-keys"
	resourceTable   = "api_keys"
	writePermission = "api_keys:write"
	createdEvent    = "api_key_created" // in the audit trail
)

// newResource returns the body of a request that creates a resource.
func newResource(name string) map[string]any {
	return map[string]any{"name": name, "scopes": []string{"users:read"}}
}

// create creates a resource and returns its path.
func (c client) create(name string) (path string) {
	c.t.Helper()
	res := c.post(resources, newResource(name))
	require.Equal(c.t, http.StatusCreated, res.status, string(res.body))
	return resources + "/" + res.text("id")
}

// names returns the names of the resources, newest first.
func (c client) names() []string {
	c.t.Helper()
	return c.get(resources).items("name")
}

// lockResources blocks writes to the resources until release is called.
func lockResources(t testing.TB, dsn string) (release func()) {
	t.Helper()
	tx, err := apptest.Superuser(t, dsn).BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = tx.ExecContext(t.Context(), "lock table "+resourceTable+" in share row exclusive mode")
	require.NoError(t, err)
	return func() { require.NoError(t, tx.Rollback()) }
}
