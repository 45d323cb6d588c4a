package app

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/apikeys"
	"github.com/netrun-systems/go-service-template/internal/app/audit"
	"github.com/netrun-systems/go-service-template/internal/app/identity"
	"github.com/netrun-systems/go-service-template/internal/app/members"
	"github.com/netrun-systems/go-service-template/internal/app/notes" // part:notes
	"github.com/netrun-systems/go-service-template/internal/app/session"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/ratelimit" // part:ratelimit
	"github.com/netrun-systems/go-service-template/internal/platform/server"
	"github.com/netrun-systems/go-service-template/internal/platform/server/request"
)

// handler is an Echo handler for requests that have a principal.
type handler = func(echo.Context, auth.Principal) error

// The permissions of endpoints that need none of the policy.
const (
	anybody       auth.Permission = "public"
	authenticated auth.Permission = "authenticated"
)

// endpoint is a handler and the permission to call it: one of the policy, "authenticated" or "public".
// The zero endpoint refuses everybody.
type endpoint struct {
	Permission auth.Permission `json:"permission"`
	Self       bool            `json:"self,omitempty"` // the user named by :id needs no permission
	public     echo.HandlerFunc
	handler    handler
	parameters []string        // that the query may have
	maxBody    int64           // bytes; zero for HTTP_BODY_LIMIT alone
	rate       ratelimit.Route // part:ratelimit
}

func public(h echo.HandlerFunc) endpoint        { return endpoint{Permission: anybody, public: h} }
func signedIn(h handler) endpoint               { return endpoint{Permission: authenticated, handler: h} }
func may(p auth.Permission, h handler) endpoint { return endpoint{Permission: p, handler: h} }
func mayOrSelf(p auth.Permission, h handler) endpoint {
	return endpoint{Permission: p, Self: true, handler: h}
}

// user is signedIn without API keys: they have neither a session nor a password, and no scope covers
// those of their user.
func user(h handler) endpoint {
	return signedIn(func(c echo.Context, p auth.Principal) error {
		if p.APIKeyID != uuid.Nil {
			return errors.New(errors.CodeAuthorization, "This is for users, not for API keys")
		}
		return h(c, p)
	})
}

// query names the query parameters of an endpoint. Any other is refused.
func (e endpoint) query(names ...string) endpoint {
	e.parameters = names
	return e
}

// list is like query for a list, which also has the parameters of its pages.
func (e endpoint) list(names ...string) endpoint { return e.query(append(names, "limit", "cursor")...) }

// smallBody lowers the limit of the body for a password or a token, which anybody may send.
func (e endpoint) smallBody() endpoint {
	e.maxBody = 16 << 10
	return e
}

// part:ratelimit begin

// limited limits a route to RATELIMIT_RATE and RATELIMIT_BURST divided by a number. Each name has a
// counter of its own for each client; routes without a name share the counter "default".
func (e endpoint) limited(name string, divisor int) endpoint {
	e.rate = ratelimit.Route{Name: name, Divisor: divisor}
	return e
}

// part:ratelimit end

// check returns an error for a mistake in the list of routes.
func (e endpoint) check() error {
	if e.public == nil && e.handler == nil {
		return errNoHandler
	}
	if e.Permission == anybody || e.Permission == authenticated {
		return nil
	}
	for _, role := range access.Policy.Roles() {
		if access.Policy.Can([]auth.Role{role}, e.Permission) {
			return nil
		}
	}
	return fmt.Errorf("no role has the permission %q: add it to package access", e.Permission)
}

var errNoHandler = errors.Sentinel("it has no handler")

// Route is a route of the API.
type Route struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	endpoint
}

// handlers are the handlers of all features.
type handlers struct {
	keys      echo.HandlerFunc
	identity  *identity.Handler
	sessions  *session.Handler
	apiKeys   *apikeys.Handler
	members   *members.Handler
	notes     *notes.Handler        // part:notes
	summaries *notes.SummaryHandler // part:notes part:llm
	audit     *audit.Handler
}

// Routes returns the routes of the API and the health checks.
func Routes() []Route { return append(healthRoutes(nil, nil), routes(handlers{})...) }

// healthRoutes returns the routes that need no database.
func healthRoutes(live, ready echo.HandlerFunc) []Route {
	return []Route{{http.MethodGet, "/healthz", public(live)}, {http.MethodGet, "/readyz", public(ready)}}
}

// routes returns the routes of the API.
func routes(h handlers) []Route {
	return []Route{
		{http.MethodGet, "/.well-known/jwks.json", public(h.keys)},

		{http.MethodPost, "/v1/auth/register", public(h.identity.Register).
			limited("register", 10). // part:ratelimit
			smallBody()},
		{http.MethodPost, "/v1/auth/login", public(h.identity.Login).
			limited("login", 5). // part:ratelimit
			smallBody()},
		{http.MethodPost, "/v1/auth/refresh", public(h.sessions.Refresh).
			limited("refresh", 2). // part:ratelimit
			smallBody()},
		{http.MethodPost, "/v1/auth/logout", user(h.sessions.Logout).smallBody()},
		{http.MethodPost, "/v1/auth/logout-all", user(h.sessions.LogoutAll).smallBody()},
		{http.MethodGet, "/v1/auth/sessions", user(h.sessions.List)},
		{http.MethodDelete, "/v1/auth/sessions/:id", user(h.sessions.End)},
		{http.MethodGet, "/v1/me", signedIn(h.identity.Me)},
		{http.MethodPost, "/v1/me/password", user(h.identity.ChangePassword).
			limited("password", 10). // part:ratelimit
			smallBody()},

		{http.MethodGet, "/v1/api-keys", may(access.APIKeysRead, h.apiKeys.List).list()},
		{http.MethodPost, "/v1/api-keys", may(access.APIKeysWrite, h.apiKeys.Create)},
		{http.MethodGet, "/v1/api-keys/:id", may(access.APIKeysRead, h.apiKeys.Get)},
		{http.MethodDelete, "/v1/api-keys/:id", may(access.APIKeysWrite, h.apiKeys.Revoke)},

		{http.MethodGet, "/v1/users", may(access.UsersRead, h.members.List).list()},
		{http.MethodPost, "/v1/users", may(access.UsersWrite, h.members.Create)},
		{http.MethodGet, "/v1/users/:id", mayOrSelf(access.UsersRead, h.members.Get)},
		{http.MethodPatch, "/v1/users/:id", may(access.UsersWrite, h.members.Update)},
		{http.MethodDelete, "/v1/users/:id", mayOrSelf(access.UsersWrite, h.members.Delete)},

		{http.MethodGet, "/v1/notes", may(access.NotesRead, h.notes.List).list("q", "tag")},        // part:notes
		{http.MethodPost, "/v1/notes", may(access.NotesWrite, h.notes.Create)},                     // part:notes
		{http.MethodGet, "/v1/notes/:id", may(access.NotesRead, h.notes.Get)},                      // part:notes
		{http.MethodPatch, "/v1/notes/:id", may(access.NotesWrite, h.notes.Update)},                // part:notes
		{http.MethodDelete, "/v1/notes/:id", may(access.NotesWrite, h.notes.Delete)},               // part:notes
		{http.MethodPost, "/v1/notes/:id/summary", may(access.NotesSummarize, h.summaries.Create)}, // part:notes part:llm

		{http.MethodGet, "/v1/audit", may(access.AuditRead, h.audit.List).list("event", "actor_id", "target_type", "target_id", "since", "until")},
	}
}

// add adds a route, and HEAD for every GET (RFC 9110, section 9.3.2), which Echo does not do.
// net/http omits the body.
func add(e *echo.Echo, method, path string, handler echo.HandlerFunc) {
	e.Add(method, path, handler)
	if method == http.MethodGet {
		e.Add(http.MethodHead, path, handler)
	}
}

// guard authenticates and authorizes requests.
type guard struct {
	authenticate echo.MiddlewareFunc                // made by [auth.Authenticate] with [tenantScope]
	denied       func(context.Context, auth.Denial) // records refused requests
	requests     *ratelimit.Limits                  // part:ratelimit
}

// tenantScope makes the database transactions of a request act for the tenant and the user of its
// principal.
func tenantScope(ctx context.Context, p auth.Principal) context.Context {
	return db.WithMember(ctx, p.TenantID, p.UserID)
}

// register adds the routes to e. It returns an error for a route without a handler and for one with
// a permission that nobody has.
func (g guard) register(e *echo.Echo, list []Route) error {
	for _, r := range list {
		if err := r.check(); err != nil {
			return fmt.Errorf("add the route %s %s: %w", r.Method, r.Path, err)
		}
		handler := g.protect(r.endpoint)
		if r.maxBody > 0 {
			handler = server.BodyLimit(r.maxBody)(handler)
		}
		add(e, r.Method, r.Path, handler)
	}
	return nil
}

// protect puts an endpoint behind its rate limit, authentication and its permission. It composes the
// middleware once; Echo would do so for every request.
func (g guard) protect(e endpoint) echo.HandlerFunc {
	handler := g.authorize(e)
	handler = g.requests.Requests(e.rate)(handler) // part:ratelimit
	if e.Permission == anybody {
		return handler
	}
	return g.authenticate(handler)
}

// authorize puts an endpoint behind its permission.
func (g guard) authorize(e endpoint) echo.HandlerFunc {
	call := func(c echo.Context) error {
		if err := request.KnownQuery(c, e.parameters...); err != nil {
			return err
		}
		if e.Permission == anybody {
			return e.public(c)
		}
		p, _ := auth.PrincipalFrom(c.Request().Context())
		err := e.handler(c, p)
		g.auditForbidden(c, p, e.Permission, err)
		return err
	}
	if e.Permission == anybody || e.Permission == authenticated {
		return call
	}
	permitted := auth.Require(access.Policy, e.Permission, g.denied)(call)
	if !e.Self {
		return permitted
	}
	return func(c echo.Context) error {
		// An API key does not count as its user, because its scopes limit it.
		p, ok := auth.PrincipalFrom(c.Request().Context())
		if ok && p.APIKeyID == uuid.Nil && strings.EqualFold(p.UserID.String(), c.Param("id")) {
			return call(c)
		}
		return permitted(c)
	}
}

// auditForbidden records 403 responses from handlers: the role has the permission, but a rule of the
// feature forbids the request, for example an admin changing an owner.
func (g guard) auditForbidden(c echo.Context, p auth.Principal, permission auth.Permission, err error) {
	if err != nil && errors.From(err).Code.Status == http.StatusForbidden {
		g.denied(c.Request().Context(), auth.Denial{
			Permission: permission, Route: c.Request().Method + " " + c.Path(), Reason: "forbidden_by_rule", Principal: p,
		})
	}
}
