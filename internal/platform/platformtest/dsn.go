package platformtest

import (
	"net/url"
	"testing"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// Target returns the host and port of a PostgreSQL URL, for [NewProxy].
func Target(dsn string) (string, error) {
	u, err := url.Parse(dsn)
	if err != nil || u.Port() == "" {
		return "", errors.Sentinel("platformtest: the DSN is not a URL with a port") // which the error would quote
	}
	return u.Host, nil
}

// As returns a PostgreSQL URL with another login in it. It fails the test when dsn is not a URL.
func As(tb testing.TB, dsn, user, password string) string {
	tb.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		tb.Fatalf("platformtest: the DSN is not a URL") // which the error would quote
	}
	u.User = url.UserPassword(user, password)
	return u.String()
}
