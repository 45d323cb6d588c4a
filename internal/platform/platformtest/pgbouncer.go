package platformtest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// PoolMode is how PgBouncer shares the sessions of a server, see [NewPgBouncer].
type PoolMode struct {
	Pooling  string // pool_mode: session, transaction or statement
	Prepared bool   // it moves prepared statements between sessions: max_prepared_statements
	Size     int    // of the pool: default_pool_size
	Strict   bool   // it refuses the timeouts of package db, which are startup parameters
}

// NewPgBouncer starts PgBouncer in front of the server of dsn until the test ends and returns the
// DSN to go through it. Any login is accepted; the server sees that of dsn.
//
// The program is the installed one, or that of TEST_PGBOUNCER where the installed one is older than
// version 1.21, which moves prepared statements. The test is skipped without a suitable program,
// and fails if CI is set.
func NewPgBouncer(tb testing.TB, dsn string, mode PoolMode) string {
	tb.Helper()
	program, hasPrepared := findPgBouncer(tb, mode.Prepared)
	u := mustParseURL(tb, dsn)
	password, _ := u.User.Password()
	port := freePort(tb)
	settings := fmt.Sprintf(`[databases]
* = host=%s port=%s user=%s password=%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %s
unix_socket_dir =
max_client_conn = 1000
auth_type = any
pool_mode = %s
default_pool_size = %d
server_login_retry = 1
`, u.Hostname(), u.Port(), u.User.Username(), password, port, mode.Pooling, mode.Size)
	if !mode.Strict {
		settings += "ignore_startup_parameters = statement_timeout, idle_in_transaction_session_timeout\n"
	}
	if hasPrepared {
		limit := 0
		if mode.Prepared {
			limit = 100
		}
		settings += fmt.Sprintf("max_prepared_statements = %d\n", limit)
	}
	file := filepath.Join(tb.TempDir(), "pgbouncer.ini")
	if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
		tb.Fatalf("platformtest: write the settings of PgBouncer: %v", err)
	}
	args := []string{file}
	if os.Geteuid() == 0 { // PgBouncer reads the file, then changes the user
		args = append([]string{"-u", "nobody"}, args...)
	}
	cmd := exec.CommandContext(tb.Context(), program, args...) //nolint:gosec // see findPgBouncer
	var log bytes.Buffer                                       // read it after Wait
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		tb.Fatalf("platformtest: start PgBouncer: %v", err)
	}
	tb.Cleanup(func() {
		_ = cmd.Process.Kill()
		err := cmd.Wait()
		if tb.Failed() {
			tb.Logf("PgBouncer ended: %v\n%s", err, log.String())
		}
	})
	u.Host = net.JoinHostPort("127.0.0.1", port)
	Eventually(tb, 10*time.Second, func() error {
		c, err := new(net.Dialer).DialContext(tb.Context(), "tcp", u.Host)
		if err == nil {
			err = c.Close()
		}
		return err
	})
	return u.String()
}

// oldPgBouncer matches the versions that do not move prepared statements.
var oldPgBouncer = regexp.MustCompile(`^PgBouncer 1\.(\d|1\d|20)\.`)

// findPgBouncer returns a program, and whether it has the setting max_prepared_statements.
func findPgBouncer(tb testing.TB, prepared bool) (program string, hasPrepared bool) {
	tb.Helper()
	for _, program := range []string{"pgbouncer", "/usr/sbin/pgbouncer", os.Getenv("TEST_PGBOUNCER")} {
		version, err := exec.CommandContext(tb.Context(), program, "--version").Output() //nolint:gosec // of this machine
		if old := oldPgBouncer.Match(version); err == nil && (!old || !prepared) {
			return program, !old
		}
	}
	if os.Getenv("CI") != "" {
		tb.Fatal("platformtest: no suitable PgBouncer: install it, or set TEST_PGBOUNCER to version 1.21 or newer")
	}
	tb.Skip("no suitable PgBouncer is installed")
	return "", false
}

// freePort returns a port of the loopback interface that nothing listens on.
func freePort(tb testing.TB) string {
	tb.Helper()
	listener, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("platformtest: find a free port: %v", err)
	}
	defer func() { _ = listener.Close() }()
	_, port, _ := net.SplitHostPort(listener.Addr().String()) // the address of a listener
	return port
}
