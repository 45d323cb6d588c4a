package apikeys_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/apikeys"
	"github.com/netrun-systems/go-service-template/internal/app/audit"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
	"github.com/netrun-systems/go-service-template/migrations"
)

func TestMain(m *testing.M) { platformtest.Main(m) }

const soon = 20 * time.Second

var migrated = platformtest.Template{Name: "apikeys", Hash: migrations.Hash(), Prepare: func(ctx context.Context, dsn string) error {
	m, err := db.NewMigrator(ctx, settings(dsn), migrations.Files, logging.For())
	if err != nil {
		return err
	}
	return errors.Join(m.Up(ctx), m.Close())
}}

func settings(dsn string) db.Config {
	return db.Config{
		Base: config.Base{AppName: "apikeys-test", Environment: config.Testing},
		URL:  config.Secret(dsn), PoolSize: 8, PoolTimeout: 20 * time.Second, PoolRecycle: time.Hour, CommandTimeout: 30 * time.Second,
	}
}

// fixture is the service on a database of its own.
type fixture struct {
	*apikeys.Service
	pool  *db.Pool
	admin *sql.DB // the database as superuser, for what no service does
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	dsn := platformtest.Database(t, migrated)
	pool, err := db.Open(t.Context(), settings(dsn), db.Options{Role: "app_role", Log: logging.For()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	admin, err := sql.Open("postgres", dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, admin.Close()) })
	return &fixture{apikeys.NewService(pool, audit.NewRecorder(pool)), pool, admin}
}

func (f *fixture) exec(t testing.TB, statement string, args ...any) {
	t.Helper()
	_, err := f.admin.ExecContext(t.Context(), statement, args...)
	require.NoError(t, err)
}

func (f *fixture) count(t testing.TB, query string, args ...any) (n int) {
	t.Helper()
	require.NoError(t, f.admin.QueryRowContext(t.Context(), query, args...).Scan(&n))
	return n
}

func (f *fixture) tenant(t testing.TB) uuid.UUID {
	t.Helper()
	id := uuid.New()
	f.exec(t, `insert into tenants (id, name) values ($1, 'T')`, id)
	return id
}

// member returns the principal of a new member.
func (f *fixture) member(t testing.TB, tenant uuid.UUID, role auth.Role) auth.Principal {
	t.Helper()
	p := auth.Principal{UserID: uuid.New(), TenantID: tenant, Roles: []auth.Role{role}, SessionID: uuid.New()}
	f.exec(t, `insert into users (id, email, password_hash, display_name) values ($1, $2, 'x', 'A')`, p.UserID, p.UserID.String()+"@example.com")
	f.exec(t, `insert into members (tenant_id, user_id, role) values ($1, $2, $3)`, tenant, p.UserID, role)
	return p
}

// as returns the ctx of a request of p.
func as(t testing.TB, p auth.Principal) context.Context {
	t.Helper()
	return db.WithUser(db.WithTenant(auth.WithPrincipal(t.Context(), p), p.TenantID), p.UserID)
}

// create makes a key and returns it in both of its forms.
func (f *fixture) create(t testing.TB, p auth.Principal, scopes ...auth.Permission) (apikeys.Created, auth.APIKey) {
	t.Helper()
	created, err := f.Create(as(t, p), p, apikeys.Draft{Name: "a key", Scopes: scopes})
	require.NoError(t, err)
	key, err := auth.ParseAPIKey(created.Text)
	require.NoError(t, err)
	return created, key
}

// answer is what a request was answered.
type answer struct {
	status int
	header http.Header
	body   map[string]any
}

// call makes one request as p with the routes of the feature.
func (f *fixture) call(t testing.TB, p auth.Principal, method, path, body string) answer {
	t.Helper()
	e, h := echo.New(), apikeys.NewHandler(f.Service)
	e.HTTPErrorHandler = errors.Handler(nil)
	e.POST("/v1/api-keys", h.Create)
	e.GET("/v1/api-keys", h.List)
	e.GET("/v1/api-keys/:id", h.Get)
	e.DELETE("/v1/api-keys/:id", h.Revoke)
	ctx := t.Context()
	if p.UserID != uuid.Nil {
		ctx = as(t, p)
	}
	r := httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	a := answer{status: w.Code, header: w.Header()}
	if w.Body.Len() > 0 {
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &a.body), w.Body)
	}
	return a
}

// problem asserts that a request was refused with a code and names the fields that were wrong.
func (a answer) problem(t testing.TB, code errors.Code) (fields []string) {
	t.Helper()
	assert.Equal(t, code.Status, a.status, a.body)
	assert.Equal(t, code.Name, a.body["code"])
	details, _ := a.body["details"].(map[string]any)
	list, _ := details["fields"].([]any)
	for _, field := range list {
		name, _ := field.(map[string]any)["field"].(string)
		fields = append(fields, name)
	}
	return fields
}

var (
	readNotes  = []auth.Permission{access.NotesRead}
	manageKeys = []auth.Permission{access.APIKeysRead, access.APIKeysWrite, access.UsersRead, access.UsersWrite}
)
