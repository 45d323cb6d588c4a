package logging

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/sirupsen/logrus"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

const maxUserAgent = 256 // bytes

// Requests logs http_request once for each request, when its response is complete. An error of the handlers behind it is
// rendered first, with c.Error, so that the status in the log is the one that was sent; it is not returned any further.
// The line has the fields of the request's final ctx, so those that later middleware adds are in it. The level is error
// from 500, warning from 400 but for 404 and for requests that the client gave up, else info.
func Requests(l Logger) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			start := time.Now()
			status := http.StatusInternalServerError // what a panic becomes in the hands of who recovers it
			defer func() { l.request(c, status, time.Since(start)) }()
			if err := next(c); err != nil {
				c.Error(err)
			}
			status = c.Response().Status
			return nil
		}
	}
}

func (l Logger) request(c echo.Context, status int, took time.Duration) {
	r := c.Request()
	level := requestLevel(status)
	if !l.Enabled(level) {
		return
	}
	route := c.Path()
	if route == "" {
		route = "unmatched"
	}
	agent := r.UserAgent()
	if len(agent) > maxUserAgent {
		agent = agent[:maxUserAgent] + "…"
	}
	l.at(r.Context(), level, "http_request",
		String("method", r.Method),
		String("route", route),
		String("path", r.URL.Path),
		Int("status", status),
		Duration("duration_ms", took),
		Int64("bytes", c.Response().Size),
		String("remote_ip", c.RealIP()),
		String("user_agent", agent),
	)
}

func requestLevel(status int) logrus.Level {
	switch {
	case status >= http.StatusInternalServerError:
		return logrus.ErrorLevel
	case status >= http.StatusBadRequest && status != http.StatusNotFound && status != errors.StatusClientClosedRequest:
		return logrus.WarnLevel
	default:
		return logrus.InfoLevel
	}
}
