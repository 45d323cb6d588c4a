package invoices_test

import (
	"net/http"
	"strconv"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/app/audit"
	"github.com/netrun-systems/go-service-template/internal/app/invoices"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

func TestMain(m *testing.M) { platformtest.Main(m) }

// fixture is the feature on its own database.
type fixture struct {
	*apptest.Database
	echo *echo.Echo
}

func newFixture(t testing.TB) fixture {
	t.Helper()
	d, e := apptest.NewDatabase(t), apptest.Router()
	h := invoices.NewHandler(invoices.NewService(d.Pool, audit.NewTrail(d.Pool)))
	e.GET("/v1/invoices", apptest.Handler(h.List))
	e.POST("/v1/invoices", apptest.Handler(h.Create))
	e.GET("/v1/invoices/:id", apptest.Handler(h.Get))
	e.PATCH("/v1/invoices/:id", apptest.Handler(h.Update))
	e.DELETE("/v1/invoices/:id", apptest.Handler(h.Delete))
	return fixture{d, e}
}

func (f fixture) call(t testing.TB, p auth.Principal, method, path, body string, edits ...func(*http.Request)) apptest.Response {
	t.Helper()
	return apptest.Call(t, f.echo, p, method, path, body, edits...)
}

func body(number, amount, currency, due string) string {
	return `{"number":"` + number + `","customer":"Ada","amount":` + amount + `,"currency":"` + currency + `","due_date":"` + due + `"}`
}

func (f fixture) create(t testing.TB, p auth.Principal, number, currency string) (path string) {
	t.Helper()
	created := f.call(t, p, "POST", "/v1/invoices", body(number, "1999", currency, "2026-01-31"))
	require.Equal(t, http.StatusCreated, created.Status, created.Body)
	return created.Header.Get("Location")
}

func ifMatch(tag string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("If-Match", tag) }
}

func TestInvoiceLifecycle(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ada := f.Member(t, f.Tenant(t), access.RoleMember)
	path := f.create(t, ada, "A-1", "EUR")
	got := f.call(t, ada, "GET", path, "")
	assert.Equal(t, `"1"`, got.Header.Get("ETag"))
	assert.EqualValues(t, 1999, got.Body["amount"])
	assert.Equal(t, "2026-01-31", got.Body["due_date"])
	assert.Equal(t, "draft", got.Body["status"])

	f.call(t, ada, "POST", "/v1/invoices", body("A-1", "5", "EUR", "2026-01-31")).Problem(t, errors.CodeConflict)
	f.call(t, ada, "PATCH", path, `{"status":"sent"}`).Problem(t, errors.CodePreconditionRequired)
	f.call(t, ada, "PATCH", path, `{"status":"sent"}`, ifMatch(`"2"`)).Problem(t, errors.CodePreconditionFailed)
	changed := f.call(t, ada, "PATCH", path, `{"status":"paid","due_date":"2026-02-28"}`, ifMatch(`"1"`))
	require.Equal(t, http.StatusOK, changed.Status, changed.Body)
	assert.Equal(t, "2026-02-28", changed.Body["due_date"])
	assert.EqualValues(t, 1999, changed.Body["amount"], "omitted fields must stay unchanged")
	f.call(t, ada, "PATCH", path, `{"amount":1}`, ifMatch("*")).Problem(t, errors.CodeConflict)
	f.call(t, ada, "DELETE", path, "").Problem(t, errors.CodeConflict)

	draft := f.create(t, ada, "A-2", "EUR")
	assert.Equal(t, http.StatusNoContent, f.call(t, ada, "DELETE", draft, "").Status)
	f.call(t, ada, "GET", draft, "").Problem(t, errors.CodeNotFound)
	eve := f.Member(t, f.Tenant(t), access.RoleOwner)
	f.call(t, eve, "GET", path, "").Problem(t, errors.CodeNotFound)
	for event, n := range map[string]int{"invoice_created": 2, "invoice_updated": 1, "invoice_deleted": 1} {
		assert.Equal(t, n, f.Count(t, `select count(*) from audit_events where event = $1 and target_type = 'invoice'`, event), event)
	}
}

func TestListFilters(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ada := f.Member(t, f.Tenant(t), access.RoleMember)
	for i, currency := range []string{"EUR", "USD", "EUR", "EUR"} {
		f.create(t, ada, strconv.Itoa(i), currency)
	}
	for query, want := range map[string]string{
		"?limit=2": "32,10", "?limit=2&currency=EUR": "32,0", "?limit=9&status=draft&customer=Ada": "3210", "?limit=9&status=paid": "",
	} {
		assert.Equal(t, want, apptest.Pages(t, "number", func(cursor string) apptest.Response {
			return f.call(t, ada, "GET", "/v1/invoices"+query+"&cursor="+cursor, "")
		}), query)
	}
	for query, field := range map[string]string{"?status=lost": "status", "?currency=eur": "currency"} {
		assert.Equal(t, []string{field}, f.call(t, ada, "GET", "/v1/invoices"+query, "").Problem(t, errors.CodeValidation))
	}
}

func TestInvalidInvoices(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ada := f.Member(t, f.Tenant(t), access.RoleMember)
	for text, fields := range map[string][]string{
		`{}`:                                               {"number", "customer", "amount", "currency", "due_date"},
		body("1", "0", "EUR", "2026-01-31"):                {"amount"},
		body("1", "19.99", "EUR", "2026-01-31"):            {"amount"},
		body("1", `"19"`, "EUR", "2026-01-31"):             {"amount"},
		body("1", "9007199254740992", "EUR", "2026-01-31"): {"amount"},
		body("1", "5", "XXX", "2026-01-31"):                {"currency"},
		body("1", "5", "EUR", "31.01.2026"):                {"due_date"},
		body("1", "5", "EUR", "2026-02-30"):                {"due_date"},
	} {
		assert.Equal(t, fields, f.call(t, ada, "POST", "/v1/invoices", text).Problem(t, errors.CodeValidation), text)
	}
	path := f.create(t, ada, "A-1", "EUR")
	for text, field := range map[string]string{`{}`: "body", `{"status":"lost"}`: "status", `{"amount":-1}`: "amount", `{"due_date":""}`: "due_date"} {
		assert.Equal(t, []string{field}, f.call(t, ada, "PATCH", path, text, ifMatch("*")).Problem(t, errors.CodeValidation), text)
	}
}
