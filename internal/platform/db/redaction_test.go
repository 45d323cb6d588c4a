package db_test

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

// forms returns a DSN with a password in every form. The server is one host and port.
func forms(user, password, server string) []string {
	host, port, _ := strings.Cut(server, ":")
	quoted := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(password)
	return []string{
		"postgres://" + user + ":" + password + "@" + server + "/name?sslmode=disable", // not encoded, so often invalid
		"POSTGRES://" + url.UserPassword(user, password).String() + "@" + server + "/name?sslmode=disable",
		"postgres://" + user + "@" + server + "/name?sslmode=disable&password=" + url.QueryEscape(password),
		"postgres://" + url.UserPassword(user, password).String() + "@" + server + "," + server + "/name?sslmode=prefer",
		"host=" + host + " port=" + port + " user=" + user + " dbname=name sslmode=disable password=" + password,
		"host=" + host + " port=" + port + " user=" + user + " dbname=name sslmode=disable password='" + quoted + "'",
		"'host=" + host + " port=" + port + " user=" + user + " password=" + password + "'",
	}
}

// told returns everything that the package says about a DSN that cannot be opened.
func told(t testing.TB, dsn string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var lines bytes.Buffer
	core, err := logging.NewCore(logging.Options{
		App: "test", Environment: "testing", Level: "debug",
		Output: writerFunc(func(p []byte) (int, error) {
			if bytes.Contains(p, []byte("database_waiting")) {
				cancel() // one attempt is enough
			}
			return lines.Write(p)
		}),
	})
	require.NoError(t, err)
	cfg := settings(dsn)
	cfg.ListenURL = config.Secret(dsn)
	cfg.Validate(func(variable, rule, message string) { fmt.Fprintln(&lines, variable, rule, message) })
	_, err = db.Open(ctx, cfg, db.Options{Role: appRole, ActAs: true, Log: logging.New(core, "db")})
	require.Error(t, err)
	fmt.Fprintf(&lines, "%v %+v %#v %s", err, err, cfg, db.Redact(dsn))
	return lines.String()
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// Nothing listens on the port, or the DSN is invalid.
func FuzzPlantedPassword(f *testing.F) {
	for _, rest := range []string{
		"", "@", "@12/x", "/x", "?a=b", "#", "%zz", "%40", "'", `\'`, " ", ":1", "1,b:2", ",host=h", "\x00", "é", "[", "' host='",
	} {
		f.Add(rest)
	}
	f.Fuzz(func(t *testing.T, rest string) {
		if strings.Contains(rest, "canary") {
			return
		}
		for _, password := range []string{"canary" + rest, rest + "canary"} {
			for _, dsn := range forms("user", password, "127.0.0.1:1") {
				if r := db.Redact(dsn); strings.HasPrefix(r, "postgres://user@127.0.0.1:1") || r == unreadable {
					assert.NotContains(t, told(t, dsn), "canary", "%q", dsn)
				} else {
					assert.NotContains(t, r, "canary", "%q", dsn) // another host, which is not to be asked
				}
			}
		}
	})
}

// The server or TLS refuses the login, each with an error of its own.
func TestDriverErrorsHoldNoPassword(t *testing.T) {
	t.Parallel()
	dsn := plain(t, database(t))
	server := platformtest.Target(t, dsn)
	said := map[string]string{}
	for _, form := range forms("db_test_pooled", "canary", server) {
		said["28P01"] += told(t, form)
		encrypted := strings.NewReplacer("sslmode=disable", "sslmode=require", "sslmode=prefer", "sslmode=require").Replace(form)
		said["SSL is not enabled"] += told(t, encrypted)
	}
	for _, form := range forms("db_test_pooled", "db-test", server) {
		said["3D000"] += told(t, form)
	}
	for want, text := range said {
		assert.Contains(t, text, want)
		assert.NotContains(t, text, "canary", want)
		assert.NotContains(t, text, ":db-test", want)
		assert.NotContains(t, text, "=db-test", want)
	}
}
