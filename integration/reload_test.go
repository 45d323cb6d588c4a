package integration

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

func TestReloadTakesEffectAndNamesWhatNeedsARestart(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "settings")
	write := func(text string) { require.NoError(t, os.WriteFile(file, []byte(text), 0o600)) }
	write("LOG_LEVEL=debug\n")
	e := env{"ENV_FILE": file}
	list := e.list(platformtest.Database(t, apptest.Migrated))
	for i, entry := range list {
		if entry == "LOG_LEVEL=debug" {
			list[i] = "UNUSED=1"
		}
	}
	s := launch(t, t.TempDir(), list)
	s.client = client{t: t, base: "http://" + s.await(t, "service_started")["addr"].(string)}
	ada := s.client.register()
	require.NotEmpty(t, s.events("query"), "debug lines are written")

	s.client.guess(ada.email, "a wrong password").problem(errors.CodeInvalidCredentials)
	s.client.guess(ada.email, "a wrong password").problem(errors.CodeInvalidCredentials)

	write("LOG_LEVEL=info\nHTTP_READ_TIMEOUT=7s\nAUTH_MAX_FAILURES=3\nDB_POOL_SIZE=7\n")
	s.signal(t, syscall.SIGHUP)
	line := s.await(t, "config_reloaded")
	assert.ElementsMatch(t, []any{"LOG_LEVEL", "AUTH_MAX_FAILURES", "DB_POOL_SIZE"}, line["changed"])
	assert.EqualValues(t, 7, s.await(t, "pool_reconfigured")["pool_size"])
	s.client.guess(ada.email, "a wrong password").problem(errors.CodeInvalidCredentials)
	s.client.guess(ada.email, password).problem(errors.CodeRateLimitExceeded)
	assert.Equal(t, []any{"HTTP_READ_TIMEOUT"}, line["restart_required"])
	before := len(s.events("query"))
	require.Equal(t, http.StatusOK, ada.get("/v1/notes").status)
	assert.Len(t, s.events("query"), before, "debug lines are not written any more")

	write("LOG_LEVEL=canary\n")
	s.signal(t, syscall.SIGHUP)
	refused := s.await(t, "config_validation_failed")
	assert.Equal(t, []any{"LOG_LEVEL"}, refused["fields"])
	assert.NotContains(t, fmt.Sprint(refused), "canary")
	assert.Equal(t, http.StatusOK, ada.get("/v1/notes").status, "the service goes on with what it had")
	s.stop(t)
}
