package app

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/identity"
	"github.com/netrun-systems/go-service-template/internal/app/notes"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
)

// Who may use a route, where that is not a permission.
const (
	public   auth.Permission = "public"        // anybody
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
	keys     echo.HandlerFunc
	identity *identity.Handler
	notes    *notes.Handler
}

// Route is a route as people see it: its permission is that of the policy, "authenticated" or "public".
type Route struct {
	Method     string          `json:"method"`
	Path       string          `json:"path"`
	Permission auth.Permission `json:"permission"`
}

// Routes lists the routes of the API, and those for the health of the service.
func Routes() []Route {
	list := []Route{{http.MethodGet, "/healthz", public}, {http.MethodGet, "/readyz", public}}
	for _, r := range routes(handlers{}) {
		list = append(list, Route{r.method, r.path, r.permission})
	}
	return list
}

// routes is the one list of the routes of the API.
func routes(h handlers) []route {
	return []route{
		{http.MethodGet, "/.well-known/jwks.json", public, h.keys},

		{http.MethodPost, "/v1/auth/register", public, h.identity.Register},
		{http.MethodPost, "/v1/auth/login", public, h.identity.Login},
		{http.MethodGet, "/v1/me", signedIn, h.identity.Me},

		{http.MethodGet, "/v1/notes", access.NotesRead, h.notes.List},
		{http.MethodPost, "/v1/notes", access.NotesWrite, h.notes.Create},
		{http.MethodGet, "/v1/notes/:id", access.NotesRead, h.notes.Get},
		{http.MethodPatch, "/v1/notes/:id", access.NotesWrite, h.notes.Update},
		{http.MethodDelete, "/v1/notes/:id", access.NotesWrite, h.notes.Delete},
	}
}

// register adds the routes to e, each behind what its permission asks for.
func register(e *echo.Echo, list []route, verifier *auth.Verifier) {
	authenticate := auth.Authenticate(auth.Authentication{Verifier: verifier, Log: authLog})
	for _, r := range list {
		var before []echo.MiddlewareFunc
		switch r.permission {
		case public:
		case signedIn:
			before = []echo.MiddlewareFunc{authenticate, tenancy}
		default:
			before = []echo.MiddlewareFunc{authenticate, auth.Require(access.Policy, r.permission), tenancy}
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
