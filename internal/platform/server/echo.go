package server

import (
	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/logging/tracecontext"
)

// NewEcho returns an Echo on which every request, one to an unknown path too, gets: the request timeout, a correlation id,
// the trace of the caller, the security headers, a line in the access log with the status that was really sent, recovery from a panic and the body
// limit, in this order. Errors are rendered by [errors.Handler] and logged once. Middleware that is added to it with Use
// runs inside of these.
//
// The mappers know the errors of libraries, such as those of a database driver. A zero log means the package's own.
func NewEcho(cfg Config, log logging.Logger, mappers ...errors.Mapper) *echo.Echo {
	log = own(log)
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.Logger.SetHeader("echo:")
	e.Logger.SetOutput(lines{log})
	e.HTTPErrorHandler = errors.Handler(log.Exception, mappers...)
	e.IPExtractor = clientIP(cfg.TrustedProxies)
	e.Use(
		requestTimeout(cfg.RequestTimeout),
		errors.CorrelationMiddleware(tracecontext.CorrelationID),
		tracecontext.Middleware(),
		securityHeaders(cfg.IsProduction()),
		logging.Requests(log),
		recovery(),
		bodyLimit(int64(cfg.BodyLimit)),
	)
	return e
}
