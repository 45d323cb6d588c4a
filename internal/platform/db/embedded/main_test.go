package embedded_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/netrun-systems/go-service-template/internal/platform/db/embedded"
)

// roleVariable makes this test binary a process that only runs a server.
const roleVariable = "EMBEDDED_TEST_HOLD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(roleVariable); dir != "" {
		hold(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// hold starts a server, prints its DSN and process id, and waits to be killed.
func hold(dir string) {
	s, err := embedded.Start(context.Background(), scratch(dir))
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	fmt.Println(s.DSN("postgres"), s.PID())
	<-s.Done()
}

// holder starts a process that runs a server in dir, as another user when uid is not zero.
func holder(t *testing.T, dir string, uid uint32, env ...string) (holder *exec.Cmd, dsn string, pid int) {
	t.Helper()
	binary, err := os.Executable()
	require.NoError(t, err)
	if uid != 0 { // the directory of the test binary is private
		program, err := os.ReadFile(binary)
		require.NoError(t, err)
		binary = filepath.Join(publicDir(t), "holder")
		require.NoError(t, embedded.WriteProgram(binary, program))
	}
	cmd := exec.CommandContext(t.Context(), binary)
	cmd.Env = append(append(os.Environ(), roleVariable+"="+dir), env...)
	cmd.Stderr = os.Stderr
	if uid != 0 {
		cmd.Dir = os.TempDir()
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	}
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	var number string
	_, err = fmt.Fscan(out, &dsn, &number)
	require.NoError(t, err, "%s %s", dsn, number)
	pid, err = strconv.Atoi(number)
	require.NoError(t, err, "%s %s", dsn, number)
	return cmd, dsn, pid
}

func scratch(dir string) embedded.Options {
	return embedded.Options{Dir: dir, Scratch: true, Settings: map[string]string{"fsync": "off"}}
}

func start(t *testing.T, o embedded.Options) *embedded.Server {
	t.Helper()
	s, err := embedded.Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop(context.WithoutCancel(t.Context()))) })
	return s
}

func query(t *testing.T, dsn, statement string) string {
	t.Helper()
	db, err := sql.Open("postgres", dsn)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	var value sql.NullString
	if err := db.QueryRowContext(t.Context(), statement).Scan(&value); err != nil {
		require.ErrorIs(t, err, sql.ErrNoRows)
	}
	return value.String
}

// requireGone waits until a process, which is not a child of this one, has ended.
func requireGone(t *testing.T, pid int) {
	t.Helper()
	require.Eventually(t, func() bool {
		state, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
		return err != nil || len(state) == 0
	}, 10*time.Second, 10*time.Millisecond, "the server is an orphan")
}
