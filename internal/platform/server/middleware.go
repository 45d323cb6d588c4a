package server

import (
	"context"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// NewEcho returns an Echo with the middleware of this file, which applies to every request, also to
// unknown paths. It runs in the order of the list below, which is the order of the functions in
// this file; middleware added with Use runs inside. early runs before the limits of bodies, so that
// it applies to their errors. [ErrorHandler] renders and logs errors. A zero log means the logger of
// this package.
func NewEcho(cfg Config, log logging.Logger, early ...echo.MiddlewareFunc) *echo.Echo {
	log = orDefault(log)
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.Logger.SetHeader("echo:")
	e.Logger.SetOutput(eventWriter{log})
	e.HTTPErrorHandler = ErrorHandler(log.Exception)
	e.IPExtractor = clientIP(cfg.TrustedProxies)
	e.Use(
		requestContext(cfg.RequestTimeout),
		securityHeaders(cfg.IsProduction()),
		accessLog(log),
		recovery,
	)
	e.Use(early...)
	e.Use(discardRefused, bodyBudget(int64(cfg.BodyBudget)), BodyLimit(int64(cfg.BodyLimit)))
	return e
}

type untimedKey struct{} // of the ctx of a request without the timeout // part:notes part:llm

const headerCorrelationID = "X-Correlation-Id" // as http.Header spells it

// Client is the client of a request.
type Client struct {
	RemoteIP  string // of the connection, or of X-Forwarded-For where a trusted proxy has set it
	UserAgent string
}

type clientKey struct{}

// WithClient returns a ctx with the client of a request.
func WithClient(ctx context.Context, c Client) context.Context {
	return context.WithValue(ctx, clientKey{}, c)
}

// ClientFrom returns the client of ctx, zero if there is none.
func ClientFrom(ctx context.Context) Client {
	c, _ := ctx.Value(clientKey{}).(Client)
	return c
}

// requestContext gives the ctx of a request a deadline, a correlation id, the caller's span and the
// [Client].
//
// Work that follows its ctx ends with an error at the deadline, which is rendered as a 504. No
// second goroutine responds in place of the handler, so nothing races. requestContext is the
// outermost middleware: by the time it cancels the ctx, the error has been rendered and logged, and
// is not mistaken for a cancellation by the client.
//
// The id is the X-Correlation-ID of the request if there is exactly one and it is valid, else the
// trace id of the caller, else a new one. The response has it too. The span, for trace_id and
// span_id in the log, does not replace one that the ctx has already.
func requestContext(timeout time.Duration) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			ctx, span := r.Context(), remoteSpan(r.Header)
			ctx = context.WithValue(ctx, untimedKey{}, ctx) // part:notes part:llm
			ctx, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			var id string
			switch sent := r.Header[headerCorrelationID]; {
			case len(sent) == 1 && errors.ValidCorrelationID(sent[0]):
				id = sent[0]
			case span.IsValid():
				id = span.TraceID().String()
			default:
				id = errors.NewCorrelationID()
			}
			ctx = errors.WithCorrelationID(ctx, id)
			if span.IsValid() && !trace.SpanContextFromContext(ctx).IsValid() {
				ctx = trace.ContextWithRemoteSpanContext(ctx, span)
			}
			ctx = WithClient(ctx, Client{RemoteIP: c.RealIP(), UserAgent: r.UserAgent()})
			c.Response().Header()[headerCorrelationID] = []string{id}
			c.SetRequest(r.WithContext(ctx))
			return next(c)
		}
	}
}

// remoteSpan returns the caller's span from traceparent and tracestate (W3C Trace Context), or an
// invalid SpanContext if the former is absent, repeated or malformed.
func remoteSpan(h http.Header) trace.SpanContext {
	if len(h["Traceparent"]) != 1 {
		return trace.SpanContext{}
	}
	ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.HeaderCarrier(h))
	return trace.SpanContextFromContext(ctx)
}

// part:notes part:llm begin

// NoTimeout removes the request timeout, and the read and write deadlines of the connection, for a
// response that is a stream. The ctx of the request still ends when the client closes the
// connection and when HTTP_SHUTDOWN_TIMEOUT is over. Call NoTimeout in the handler, before using
// the ctx of the request.
func NoTimeout(c echo.Context) error {
	r := c.Request()
	if untimed, ok := r.Context().Value(untimedKey{}).(context.Context); ok {
		ctx, cancel := context.WithCancelCause(context.WithoutCancel(r.Context()))
		context.AfterFunc(untimed, func() { cancel(context.Cause(untimed)) })
		c.SetRequest(r.WithContext(ctx))
	}
	rc := http.NewResponseController(c.Response())
	for _, err := range []error{rc.SetReadDeadline(time.Time{}), rc.SetWriteDeadline(time.Time{})} {
		if err != nil && !errors.Is(err, http.ErrNotSupported) { // the recorder of a test has no deadlines
			return errors.Internal(err, "remove the deadlines of the connection")
		}
	}
	return nil
}

// part:notes part:llm end

// securityHeaders sets headers for an API, whose responses are not to be sniffed, framed, cached or
// executed. A handler may replace them; an HTML page sets its own Content-Security-Policy.
func securityHeaders(production bool) echo.MiddlewareFunc {
	names := []string{
		"X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy", "Content-Security-Policy", "Cache-Control",
	}
	values := []string{"nosniff", "DENY", "no-referrer", "default-src 'none'; frame-ancestors 'none'", "no-store"}
	if production { // TLS ends at the proxy; browsers ignore this header over plain HTTP
		names, values = append(names, "Strict-Transport-Security"), append(values, "max-age=63072000")
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			h := c.Response().Header()
			own := slices.Clone(values) // one allocation for all headers; handlers could change a shared slice
			for i, name := range names {
				h[name] = own[i : i+1 : i+1]
			}
			return next(c)
		}
	}
}

const maxUserAgent = 256 // bytes in the log

// accessLog logs http_request once for each request, when its response is complete. It renders an
// error of the inner handlers first, with c.Error, so that the line has the status that was sent,
// and then returns nil. The line has the fields of the request's final ctx, including those bound
// by inner middleware. The line of a response that was cut off has the status that was sent, and
// aborted=true.
func accessLog(log logging.Logger) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			start, aborted := time.Now(), true // for a panic that passes through
			defer func() { logRequest(log, c, aborted, time.Since(start)) }()
			if err := next(c); err != nil {
				c.Error(err)
			}
			aborted = false
			return nil
		}
	}
}

func logRequest(log logging.Logger, c echo.Context, aborted bool, took time.Duration) {
	status := c.Response().Status
	if aborted && !c.Response().Committed {
		status = http.StatusInternalServerError
	}
	level := logging.StatusLevel(status)
	if !log.Enabled(level) {
		return
	}
	r, route := c.Request(), c.Path()
	if route == "" {
		route = "unmatched"
	}
	agent := r.UserAgent()
	if len(agent) > maxUserAgent {
		agent = agent[:maxUserAgent] + "…"
	}
	fields := []logging.Field{
		logging.String("method", r.Method),
		logging.String("route", route),
		logging.String("path", r.URL.Path),
		logging.Int("status", status),
		logging.Duration("duration_ms", took),
		logging.Int64("bytes", c.Response().Size),
		logging.String("remote_ip", c.RealIP()),
		logging.String("user_agent", agent),
	}
	if aborted {
		fields = append(fields, logging.Bool("aborted", true))
	}
	log.Log(r.Context(), level, "http_request", fields...)
}

// recovery turns a panic into the error of [errors.Recovered]. A panic with [http.ErrAbortHandler]
// continues: that is how a handler asks net/http to cut the connection.
func recovery(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			switch value := recover(); value {
			case nil:
			case http.ErrAbortHandler:
				panic(value)
			default:
				err = errors.Recovered(value)
			}
		}()
		return next(c)
	}
}

// discardRefused reads and drops the rest of a body that bodyBudget or a [BodyLimit] has refused, which
// does not count against the budget. A client that still writes when the connection closes gets a reset
// and never reads the response. Clients that send more than 8 MiB, or longer than 3 seconds, get the
// reset.
func discardRefused(next echo.HandlerFunc) echo.HandlerFunc {
	const longest, patience = 8 << 20, 3 * time.Second
	return func(c echo.Context) error {
		r := c.Request()
		body := r.Body
		err := next(c)
		if _, ok := errors.AsType[*http.MaxBytesError](err); !ok && !errors.Is(err, errBodyBudget) {
			return err
		}
		if r.ContentLength > 0 && strings.EqualFold(r.Header.Get("Expect"), "100-continue") {
			return err // the client waits for a 100 before it sends the body (RFC 9110, section 10.1.1)
		}
		c.Response().Header().Set("Connection", "close")
		// Both may fail, for example with the writer of a test, without an effect on the response.
		_ = http.NewResponseController(c.Response().Writer).SetReadDeadline(time.Now().Add(patience))
		_, _ = io.CopyN(io.Discard, body, longest)
		return err
	}
}

// bodyBudget limits the bytes of all request bodies that have been read and whose requests are in
// flight, because handlers keep a body in memory. A body beyond the budget is a 503. What counts is
// what was read: a Content-Length reserves nothing.
func bodyBudget(budget int64) echo.MiddlewareFunc {
	var used atomic.Int64
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			if r.Body == nil || r.Body == http.NoBody {
				return next(c)
			}
			body := &budgetedBody{ReadCloser: r.Body, used: &used, budget: budget}
			r.Body = body
			defer func() { used.Add(-body.read) }()
			return next(c)
		}
	}
}

var errBodyBudget = errors.Sentinel("the request bodies in flight exceed HTTP_BODY_BUDGET")

// budgetedBody counts what is read from a request body.
type budgetedBody struct {
	io.ReadCloser
	used         *atomic.Int64
	budget, read int64
}

func (b *budgetedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	if b.used.Add(int64(n)) > b.budget && n > 0 {
		return 0, errors.Overloaded(errBodyBudget, time.Second)
	}
	return n, err
}

// BodyLimit refuses a body whose Content-Length is too large before the handler runs, and stops
// reading a chunked body at the limit. HTTP_READ_TIMEOUT limits the time of both. HTTP_BODY_LIMIT
// applies to every request; a route may add a lower limit of its own.
func BodyLimit(limit int64) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			if r.Body == nil || r.Body == http.NoBody {
				return next(c)
			}
			if r.ContentLength > limit {
				return &http.MaxBytesError{Limit: limit}
			}
			// MaxBytesReader closes the connection only through the writer of net/http, which Echo
			// wraps.
			r.Body = http.MaxBytesReader(c.Response().Writer, r.Body, limit)
			return next(c)
		}
	}
}

// clientIP returns how Echo finds the address of a client. It believes X-Forwarded-For only if the
// connection comes from a trusted proxy, and returns the first address, from the right, that is not
// a trusted proxy. Without trusted proxies it returns the address of the connection.
//
// Echo's own extractor cannot read an address with a port, which some proxies write. It would
// return the address of the proxy, so that all clients behind the proxy share one rate limit and
// one lockout.
func clientIP(trusted []string) echo.IPExtractor {
	var proxies []netip.Prefix
	for _, cidr := range trusted {
		if prefix, err := parsePrefix(cidr); err == nil { // Config.Validate refuses others
			proxies = append(proxies, prefix)
		}
	}
	if len(proxies) == 0 {
		return echo.ExtractIPDirect()
	}
	isProxy := func(ip netip.Addr) bool {
		return slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(ip) })
	}
	direct := echo.ExtractIPDirect()
	return func(r *http.Request) string {
		at, ok := parseAddress(r.RemoteAddr)
		if !ok || !isProxy(at) {
			return direct(r)
		}
		hops := strings.Split(strings.Join(r.Header.Values(echo.HeaderXForwardedFor), ","), ",")
		for _, hop := range slices.Backward(hops) {
			previous, ok := parseAddress(strings.TrimSpace(hop))
			if !ok { // no header, or a proxy wrote "unknown"
				break
			}
			if at = previous; !isProxy(at) {
				break
			}
		}
		return at.String()
	}
}

// parsePrefix reads a CIDR block. It returns that of the IPv4 addresses for one in ::ffff:0:0/96,
// because parseAddress does so.
func parsePrefix(cidr string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(cidr)
	if err == nil && prefix.Addr().Is4In6() && prefix.Bits() >= 96 {
		prefix = netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-96)
	}
	return prefix.Masked(), err
}

// parseAddress reads an IP address with or without a port.
func parseAddress(text string) (netip.Addr, bool) {
	if withPort, err := netip.ParseAddrPort(text); err == nil {
		return withPort.Addr().Unmap().WithZone(""), true
	}
	ip, err := netip.ParseAddr(strings.Trim(text, "[]"))
	return ip.Unmap().WithZone(""), err == nil
}
