package integration

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

// A closed terminal sends SIGHUP, as a request to reload does. Only the former ends the service, and
// not under nohup.
func TestClosedTerminalEndsTheService(t *testing.T) {
	t.Parallel()
	for _, nohup := range []bool{false, true} {
		t.Run(fmt.Sprintf("nohup %v", nohup), func(t *testing.T) {
			t.Parallel()
			master, terminal := openTerminal(t)
			s := prepare(t.TempDir(), env{}.list(platformtest.Database(t, apptest.Migrated)), "serve")
			// A child does not inherit that SIGHUP is ignored, as it is if the tests run under nohup, while this
			// process has a handler.
			handled := make(chan os.Signal, 1)
			signal.Notify(handled, syscall.SIGHUP)
			defer signal.Stop(handled)
			if nohup {
				s.cmd.Path, s.cmd.Args = "/bin/sh", []string{"sh", "-c", `trap "" HUP; exec "$0"`, binary}
			}
			s.cmd.Stdin = terminal
			s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
			s.run(t)
			addr := s.await(t, "service_started")["addr"].(string)
			require.NoError(t, s.cmd.Process.Signal(syscall.SIGHUP))
			s.await(t, "config_reloaded")

			require.NoError(t, terminal.Close())
			require.NoError(t, master.Close())
			if nohup {
				assert.Eventually(t, func() bool { return len(s.events("config_reloaded")) == 2 }, 10*time.Second, 10*time.Millisecond)
				s.stop(t)
				return
			}
			assert.Equal(t, "the terminal closed", s.await(t, "service_stopping")["reason"])
			assert.Zero(t, s.exit(t))
			_, err := net.Dial("tcp", addr)
			assert.ErrorIs(t, err, syscall.ECONNREFUSED)
		})
	}
}

// A password that is typed is not shown, and Ctrl-C leaves a terminal that shows what is typed.
func TestPasswordIsTypedWithoutEcho(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	ada := s.client.register()
	const next = "amber harbour seven lanterns"
	for name, typed := range map[string]struct {
		input  []string
		code   int
		stderr string
	}{
		"typed twice": {[]string{next, next}, 0, ""},
		"different":   {[]string{next, "amber harbour eight lanterns"}, 2, "the passwords differ"},
		"interrupted": {[]string{next}, 1, "stopped"},
	} {
		master, terminal := openTerminal(t)
		cmd := exec.Command(binary, "user", "set-password", "--email", ada.email)
		cmd.Env = env{"LOG_LEVEL": "error"}.list(s.dsn)
		var stdout bytes.Buffer
		cmd.Dir, cmd.Stdin, cmd.Stdout = t.TempDir(), terminal, &stdout
		stderr, err := cmd.StderrPipe()
		require.NoError(t, err)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
		require.NoError(t, cmd.Start())
		prompts := bufio.NewReader(stderr)
		for _, line := range typed.input {
			_, err := prompts.ReadString(':') // the echo is off before the prompt
			require.NoError(t, err, name)
			platformtest.Eventually(t, soon, func() error { return echoes(terminal, false) })
			_, err = master.WriteString(line + "\n")
			require.NoError(t, err)
		}
		if name == "interrupted" {
			_, err := prompts.ReadString(':')
			require.NoError(t, err)
			platformtest.Eventually(t, soon, func() error { return echoes(terminal, false) })
			_, err = master.WriteString("\x03")
			require.NoError(t, err)
		}
		rest, err := io.ReadAll(prompts)
		require.NoError(t, err)
		_ = cmd.Wait()
		assert.Equal(t, typed.code, cmd.ProcessState.ExitCode(), "%s: %s", name, rest)
		assert.Contains(t, string(rest), typed.stderr, name)
		require.NoError(t, echoes(terminal, true), name)
		shown := make([]byte, 4096)
		fd := int(master.Fd())
		require.NoError(t, unix.SetNonblock(fd, true))
		n, _ := unix.Read(fd, shown)
		assert.NotContains(t, string(shown[:max(n, 0)]), "harbour", name)
		require.NoError(t, terminal.Close())
		require.NoError(t, master.Close())
	}
	assert.Equal(t, http.StatusOK, s.client.guess(ada.email, next).status)
}

// echoes returns an error unless the terminal shows what is typed, or does not.
func echoes(terminal *os.File, want bool) error {
	state, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	if err == nil && (state.Lflag&unix.ECHO != 0) != want {
		err = fmt.Errorf("the terminal shows what is typed: %v", !want)
	}
	return err
}

// openTerminal returns both ends of a pseudoterminal.
func openTerminal(t *testing.T) (master, terminal *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	fd := int(master.Fd())
	require.NoError(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	require.NoError(t, err)
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	return master, terminal
}
