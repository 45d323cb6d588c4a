package app

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/apikeys"
	"github.com/netrun-systems/go-service-template/internal/app/audit"
	"github.com/netrun-systems/go-service-template/internal/app/identity"
	"github.com/netrun-systems/go-service-template/internal/app/members"
	"github.com/netrun-systems/go-service-template/internal/app/notes"
	"github.com/netrun-systems/go-service-template/internal/app/session"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
)

// condition is what a route asks of who wants to use it.
type condition struct {
	permission auth.Permission
	self       bool // the user whom :id names, signed in as themselves, needs no permission
}

func may(p auth.Permission) condition       { return condition{permission: p} }
func mayOrSelf(p auth.Permission) condition { return condition{permission: p, self: true} }

// Conditions that are no permission of the policy.
var (
	public   = may("public")        // anybody
	signedIn = may("authenticated") // whoever has a good credential
)

// route is a route of the API.
type route struct {
	method, path string
	condition    condition
	handler      echo.HandlerFunc
}

// handlers are what the routes lead to.
type handlers struct {
	keys     echo.HandlerFunc
	identity *identity.Handler
	sessions *session.Handler
	apiKeys  *apikeys.Handler
	members  *members.Handler
	notes    *notes.Handler
	audit    *audit.Handler
}

// Route is a route as people see it: its permission is that of the policy, "authenticated" or "public".
type Route struct {
	Method     string          `json:"method"`
	Path       string          `json:"path"`
	Permission auth.Permission `json:"permission"`
	Self       bool            `json:"self,omitempty"` // the user whom :id names may do it without
}

// Routes lists the routes of the API, and those for the health of the service.
func Routes() []Route {
	all := append([]route{{http.MethodGet, "/healthz", public, nil}, {http.MethodGet, "/readyz", public, nil}}, routes(handlers{})...)
	list := make([]Route, len(all))
	for i, r := range all {
		list[i] = Route{r.method, r.path, r.condition.permission, r.condition.self}
	}
	return list
}

// routes is the one list of the routes of the API.
func routes(h handlers) []route {
	return []route{
		{http.MethodGet, "/.well-known/jwks.json", public, h.keys},

		{http.MethodPost, "/v1/auth/register", public, h.identity.Register},
		{http.MethodPost, "/v1/auth/login", public, h.identity.Login},
		{http.MethodPost, "/v1/auth/refresh", public, h.sessions.Refresh},
		{http.MethodPost, "/v1/auth/logout", signedIn, h.sessions.Logout},
		{http.MethodPost, "/v1/auth/logout-all", signedIn, h.sessions.LogoutAll},
		{http.MethodGet, "/v1/auth/sessions", signedIn, h.sessions.List},
		{http.MethodDelete, "/v1/auth/sessions/:id", signedIn, h.sessions.End},
		{http.MethodGet, "/v1/me", signedIn, h.identity.Me},
		{http.MethodPost, "/v1/me/password", signedIn, h.identity.ChangePassword},

		{http.MethodGet, "/v1/api-keys", may(access.APIKeysRead), h.apiKeys.List},
		{http.MethodPost, "/v1/api-keys", may(access.APIKeysWrite), h.apiKeys.Create},
		{http.MethodGet, "/v1/api-keys/:id", may(access.APIKeysRead), h.apiKeys.Get},
		{http.MethodDelete, "/v1/api-keys/:id", may(access.APIKeysWrite), h.apiKeys.Revoke},

		{http.MethodGet, "/v1/users", may(access.UsersRead), h.members.List},
		{http.MethodPost, "/v1/users", may(access.UsersWrite), h.members.Add},
		{http.MethodGet, "/v1/users/:id", mayOrSelf(access.UsersRead), h.members.Get},
		{http.MethodPatch, "/v1/users/:id", may(access.UsersWrite), h.members.Change},
		{http.MethodDelete, "/v1/users/:id", mayOrSelf(access.UsersWrite), h.members.Remove},

		{http.MethodGet, "/v1/notes", may(access.NotesRead), h.notes.List},
		{http.MethodPost, "/v1/notes", may(access.NotesWrite), h.notes.Create},
		{http.MethodGet, "/v1/notes/:id", may(access.NotesRead), h.notes.Get},
		{http.MethodPatch, "/v1/notes/:id", may(access.NotesWrite), h.notes.Update},
		{http.MethodDelete, "/v1/notes/:id", may(access.NotesWrite), h.notes.Delete},

		{http.MethodGet, "/v1/audit", may(access.AuditRead), h.audit.List},
	}
}

// add adds a route, and HEAD with every GET (RFC 9110, section 9.3.2), which Echo does not do by itself. net/http leaves
// out the body.
func add(e *echo.Echo, method, path string, handler echo.HandlerFunc) {
	e.Add(method, path, handler)
	if method == http.MethodGet {
		e.Add(http.MethodHead, path, handler)
	}
}
