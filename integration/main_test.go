package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
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

const (
	soon  = 20 * time.Second       // for what should come at once, on a busy machine
	later = 200 * time.Millisecond // for what should not come
)
