// Package apptest helps to test features: it provides migrated databases with tenants and members,
// requests to the handlers of a feature, and a signing key. Only tests import it.
//
//	d := apptest.NewDatabase(t)
//	owner := d.Member(t, d.Tenant(t), access.RoleOwner)
//	page, err := apikeys.NewService(d.Pool, audit.NewTrail(d.Pool)).List(apptest.As(t, owner), owner, paging.Query{})
//
// A package that uses the database needs the TestMain of package platformtest.
package apptest

import (
	"context"
	"database/sql"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
	"github.com/netrun-systems/go-service-template/internal/platform/server"
	"github.com/netrun-systems/go-service-template/migrations"
)

// Migrated is a database with the current schema.
var Migrated = platformtest.Template{Name: "app", Hash: migrations.Hash(), Prepare: migrate}

func migrate(ctx context.Context, dsn string) error {
	m, err := db.NewMigrator(ctx, Settings(dsn), migrations.Files, logging.For())
	if err != nil {
		return err
	}
	return errors.Join(m.Up(ctx), m.Close())
}

// Role is the database role of the service, which is subject to row security.
const Role = "app_role"

// Settings returns the settings of a pool on a test database.
func Settings(dsn string) db.Config {
	return db.Config{
		Base: config.Base{AppName: "apptest", Environment: config.Testing}, URL: config.Secret(dsn),
		PoolSize: 8, PoolTimeout: 20 * time.Second, PoolRecycle: time.Hour, CommandTimeout: 30 * time.Second,
	}
}

// Database is a migrated database of one test.
type Database struct {
	DSN       string   // with a superuser
	Pool      *db.Pool // acts as [Role]
	Superuser *sql.DB  // bypasses row security
}

// NewDatabase returns a database that is dropped at the end of the test.
func NewDatabase(t testing.TB) *Database {
	t.Helper()
	dsn := platformtest.Database(t, Migrated)
	return &Database{DSN: dsn, Pool: Pool(t, dsn), Superuser: Superuser(t, dsn)}
}

// Pool returns a pool that acts as [Role], such as for another replica of the service.
func Pool(t testing.TB, dsn string) *db.Pool {
	t.Helper()
	pool, err := db.Open(t.Context(), Settings(dsn), db.Options{Role: Role, ActAs: true, Log: logging.For()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	return pool
}

// Superuser returns a pool that acts as the user of the DSN.
func Superuser(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	pool, err := sql.Open("postgres", dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	return pool
}

// Exec runs a statement as superuser.
func (d *Database) Exec(t testing.TB, statement string, args ...any) {
	t.Helper()
	_, err := d.Superuser.ExecContext(t.Context(), statement, args...)
	require.NoError(t, err)
}

// Count returns the number that a query returns as superuser.
func (d *Database) Count(t testing.TB, query string, args ...any) (n int) {
	t.Helper()
	require.NoError(t, d.Superuser.QueryRowContext(t.Context(), query, args...).Scan(&n))
	return n
}

// AwaitLock waits until a statement waits for a lock.
func (d *Database) AwaitLock(t testing.TB) {
	t.Helper()
	platformtest.Eventually(t, 20*time.Second, func() error {
		var waits bool
		err := d.Superuser.QueryRowContext(t.Context(), `
			select exists (select from pg_stat_activity
				where datname = current_database() and wait_event_type = 'Lock')`).Scan(&waits)
		if err == nil && !waits {
			err = errors.Sentinel("no statement waits for a lock")
		}
		return err
	})
}

// Tenant inserts a tenant and returns its id.
func (d *Database) Tenant(t testing.TB) uuid.UUID {
	t.Helper()
	id := db.NewID()
	d.Exec(t, `insert into tenants (id, name) values ($1, 'T')`, id)
	return id
}

// Member inserts a user with the email <id>@example.com as a member of a tenant. It returns the
// principal of an access token.
func (d *Database) Member(t testing.TB, tenant uuid.UUID, role auth.Role) auth.Principal {
	t.Helper()
	user := db.NewID()
	d.Exec(t, `insert into users (id, email, password_hash, display_name) values ($1, $2, 'x', 'A')`,
		user, user.String()+"@example.com")
	return d.Join(t, tenant, user, role)
}

// Join makes an existing user a member of another tenant.
func (d *Database) Join(t testing.TB, tenant, user uuid.UUID, role auth.Role) auth.Principal {
	t.Helper()
	d.Exec(t, `insert into members (tenant_id, user_id, role) values ($1, $2, $3)`, tenant, user, role)
	return auth.Principal{UserID: user, TenantID: tenant, Roles: []auth.Role{role}, SessionID: db.NewID()}
}

// As returns the context of a request of p.
func As(t testing.TB, p auth.Principal) context.Context {
	t.Helper()
	return db.WithMember(auth.WithPrincipal(t.Context(), p), p.TenantID, p.UserID)
}

// Keyring returns a keyring with one ES256 key for the whole process.
var Keyring = sync.OnceValue(func() *auth.Keyring {
	key, err := auth.GenerateKey(auth.ES256)
	if err != nil {
		panic(err)
	}
	keys, err := auth.NewKeySet(auth.ES256, key)
	if err != nil {
		panic(err)
	}
	return auth.NewKeyring(keys)
})

// Router returns a router that renders errors as the service does, without authentication.
func Router() *echo.Echo {
	e := echo.New()
	e.HTTPErrorHandler = server.ErrorHandler(nil)
	return e
}

// Handler adapts a handler with a principal: it receives the one of [Call], and without one the
// response is AUTH_REQUIRED.
func Handler(h func(echo.Context, auth.Principal) error) echo.HandlerFunc {
	return func(c echo.Context) error {
		p, ok := auth.PrincipalFrom(c.Request().Context())
		if !ok {
			return errors.New(errors.CodeAuthRequired, "")
		}
		return h(c, p)
	}
}

// Response is a response to [Call].
type Response struct {
	Status int
	Header http.Header
	Body   map[string]any // nil if empty
}

// Call sends a request of p, or an anonymous one if p has no user. The functions edit the request
// before.
func Call(
	t testing.TB, e *echo.Echo, p auth.Principal, method, path, body string, edits ...func(*http.Request),
) Response {
	t.Helper()
	ctx := t.Context()
	if p.UserID != uuid.Nil {
		ctx = As(t, p)
	}
	r := httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for _, edit := range edits {
		edit(r)
	}
	client := server.Client{RemoteIP: "192.0.2.1", UserAgent: r.UserAgent()} // as server.NewEcho does
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r.WithContext(server.WithClient(r.Context(), client)))
	res := Response{Status: w.Code, Header: w.Header()}
	if w.Body.Len() > 0 {
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &res.Body), w.Body)
	}
	return res
}

// Problem asserts that the response is an error with this code, and returns the names of the
// invalid fields.
func (r Response) Problem(t testing.TB, code errors.Code) (fields []string) {
	t.Helper()
	assert.Equal(t, code.Status, r.Status, r.Body)
	assert.Equal(t, code.Name, r.Body["code"])
	details, _ := r.Body["details"].(map[string]any)
	list, _ := details["fields"].([]any)
	for _, field := range list {
		name, _ := field.(map[string]any)["field"].(string)
		fields = append(fields, name)
	}
	return fields
}

// Items joins the values of one text member of all items of a list.
func (r Response) Items(t testing.TB, member string) string {
	t.Helper()
	require.Equal(t, http.StatusOK, r.Status, r.Body)
	list, ok := r.Body["items"].([]any)
	require.True(t, ok, r.Body)
	var all strings.Builder
	for _, item := range list {
		text, ok := item.(map[string]any)[member].(string)
		require.True(t, ok, item)
		all.WriteString(text)
	}
	return all.String()
}

// Pages reads all pages of a list and joins their [Response.Items] with commas. get returns the
// page at a cursor.
func Pages(t testing.TB, member string, get func(cursor string) Response) string {
	t.Helper()
	var pages []string
	for cursor := ""; len(pages) < 100; { // a limit for a list without an end
		page := get(cursor)
		pages = append(pages, page.Items(t, member))
		require.Contains(t, page.Body, "next_cursor")
		next, ok := page.Body["next_cursor"].(string)
		if !ok {
			require.Nil(t, page.Body["next_cursor"])
			break
		}
		cursor = next
	}
	return strings.Join(pages, ",")
}
