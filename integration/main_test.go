package integration

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
	"github.com/netrun-systems/go-service-template/migrations"
)

func TestMain(m *testing.M) { platformtest.Main(suite{m}) }

// suite builds the service before the tests run.
type suite struct{ tests *testing.M }

// binary is the built service.
var binary string

func (s suite) Run() int {
	dir, err := os.MkdirTemp("", "integration-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "make a directory for the service:", err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "api")
	if out, err := exec.Command("go", "build", "-o", binary, "../cmd/api").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the service: %v\n%s", err, out)
		return 1
	}
	return s.tests.Run()
}

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
