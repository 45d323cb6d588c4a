package app

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/app/identity"
	"github.com/netrun-systems/go-service-template/internal/app/notes"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
)

// Who may use a route, where that is not a permission.
const (
	public   auth.Permission = ""              // anybody
	signedIn auth.Permission = "authenticated" // whoever has a valid access token
)

// route is a route of the API and the permission it asks for.
type route struct {
	method, path string
	permission   auth.Permission
	handler      echo.HandlerFunc
}

// handlers are what the routes lead to.
type handlers struct {
	identity *identity.Handler
	notes    *notes.Handler
}

// routes is the one list of the routes of the API.
func routes(h handlers) []route {
	return []route{
		{http.MethodPost, "/v1/auth/register", public, h.identity.Register},
		{http.MethodPost, "/v1/auth/login", public, h.identity.Login},
		{http.MethodGet, "/v1/me", signedIn, h.identity.Me},

		{http.MethodGet, "/v1/notes", auth.PermNotesRead, h.notes.List},
		{http.MethodPost, "/v1/notes", auth.PermNotesWrite, h.notes.Create},
		{http.MethodGet, "/v1/notes/:id", auth.PermNotesRead, h.notes.Get},
		{http.MethodPatch, "/v1/notes/:id", auth.PermNotesWrite, h.notes.Update},
		{http.MethodDelete, "/v1/notes/:id", auth.PermNotesWrite, h.notes.Delete},
	}
}

// register adds the routes to e, each behind what its permission asks for.
func register(e *echo.Echo, list []route, verifier *auth.Verifier) {
	authenticate := auth.Authenticate(verifier, authLog)
	for _, r := range list {
		var before []echo.MiddlewareFunc
		switch r.permission {
		case public:
		case signedIn:
			before = []echo.MiddlewareFunc{authenticate, tenancy}
		default:
			before = []echo.MiddlewareFunc{authenticate, auth.Require(r.permission), tenancy}
		}
		add(e, r.method, r.path, r.handler, before...)
	}
}

// add adds a route, and HEAD with every GET (RFC 9110, section 9.3.2), which Echo does not do by itself. net/http leaves
// out the body.
func add(e *echo.Echo, method, path string, handler echo.HandlerFunc, before ...echo.MiddlewareFunc) {
	e.Add(method, path, handler, before...)
	if method == http.MethodGet {
		e.Add(http.MethodHead, path, handler, before...)
	}
}

// tenancy makes the database transactions of a request act for the tenant and the user of its principal.
func tenancy(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if p, ok := auth.PrincipalFrom(r.Context()); ok {
			c.SetRequest(r.WithContext(db.WithUser(db.WithTenant(r.Context(), p.TenantID), p.UserID)))
		}
		return next(c)
	}
}
