package integration

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
	"github.com/netrun-systems/go-service-template/migrations"
)

func TestMain(m *testing.M) { platformtest.Main(m) }

// binary builds the service once and returns where it is.
func binary(t testing.TB) string {
	t.Helper()
	path, err := built()
	require.NoError(t, err)
	return path
}

var built = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("integration-%d", os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "api")
	build := exec.Command("go", "build", "-o", path, "../cmd/api")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the service: %w\n%s", err, out)
	}
	return path, nil
})

// migrated is a database with the schema of this build.
var migrated = platformtest.Template{Name: "service", Hash: migrations.Hash(), Prepare: func(ctx context.Context, dsn string) error {
	m, err := db.NewMigrator(ctx, db.Config{Base: config.Base{AppName: "integration"}, URL: config.Secret(dsn)}, migrations.Files, logging.For())
	if err != nil {
		return err
	}
	return errors.Join(m.Up(ctx), m.Close())
}}

const (
	soon  = 20 * time.Second       // for what should come at once, on a busy machine
	later = 200 * time.Millisecond // for what should not come
)
