package apikeys_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/apikeys"
	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/app/audit"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

func TestMain(m *testing.M) { platformtest.Main(m) }

// fixture is the service on a database of its own.
type fixture struct {
	*apikeys.Service
	*apptest.Database
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	d := apptest.NewDatabase(t)
	return &fixture{apikeys.NewService(d.Pool, audit.NewTrail(d.Pool)), d}
}

// create makes a key and returns it in both of its forms.
func (f *fixture) create(t testing.TB, p auth.Principal, scopes ...auth.Permission) (apikeys.Created, auth.APIKey) {
	t.Helper()
	created, err := f.Create(apptest.As(t, p), p, apikeys.CreateRequest{Name: "a key", Scopes: scopes})
	require.NoError(t, err)
	key, err := auth.ParseAPIKey(created.Text)
	require.NoError(t, err)
	return created, key
}

// call makes one request as p with the routes of the feature.
func (f *fixture) call(t testing.TB, p auth.Principal, method, path, body string) apptest.Response {
	t.Helper()
	e, h := apptest.Router(), apikeys.NewHandler(f.Service)
	e.POST("/v1/api-keys", apptest.Handler(h.Create))
	e.GET("/v1/api-keys", apptest.Handler(h.List))
	e.GET("/v1/api-keys/:id", apptest.Handler(h.Get))
	e.DELETE("/v1/api-keys/:id", apptest.Handler(h.Revoke))
	return apptest.Call(t, e, p, method, path, body)
}

var (
	readUsers  = []auth.Permission{access.UsersRead}
	manageKeys = []auth.Permission{access.APIKeysRead, access.APIKeysWrite, access.UsersRead, access.UsersWrite}
)
