package embedded_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/db/embedded"
)

func TestKilledProcessLeavesNoServer(t *testing.T) {
	t.Parallel()
	dir := publicDir(t)
	owner, dsn, pid := holder(t, dir, 0)
	query(t, dsn, "create table kept as select 'yes' as answer")
	require.NoError(t, owner.Process.Kill())
	_ = owner.Wait()
	requireGone(t, pid)
	assert.Equal(t, "yes", query(t, start(t, scratch(dir)).DSN("postgres"), "select answer from kept"))
}

func TestStartAtOnceAfterAKill(t *testing.T) {
	t.Parallel()
	dir := publicDir(t)
	owner, dsn, pid := holder(t, dir, 0)
	query(t, dsn, "create table kept as select 'yes' as answer")
	require.NoError(t, owner.Process.Kill())
	_ = owner.Wait()

	s := start(t, scratch(dir)) // while the old server may still be shutting down
	assert.NotEqual(t, pid, s.PID())
	requireGone(t, pid)
	assert.Equal(t, "yes", query(t, s.DSN("postgres"), "select answer from kept"))
}

func TestServerKilledWithItsProcess(t *testing.T) {
	t.Parallel()
	dir := publicDir(t)
	owner, dsn, pid := holder(t, dir, 0)
	query(t, dsn, "create table kept as select 'yes' as answer")
	require.NoError(t, owner.Process.Kill())
	_ = syscall.Kill(pid, syscall.SIGKILL)
	_ = owner.Wait()
	s := start(t, scratch(dir))
	assert.Equal(t, "yes", query(t, s.DSN("postgres"), "select answer from kept"))
}

// A server that has ended blocks a start until its parent waits for it, because its process id is in the pid file.
func TestServerWhoseParentDoesNotWait(t *testing.T) {
	t.Parallel()
	dir := publicDir(t)
	first := start(t, scratch(dir))
	data := filepath.Join(first.Dir(), "cluster", "data")
	require.NoError(t, first.Stop(t.Context()))
	leftover := exec.CommandContext(t.Context(), "sh")
	leftover.Args = []string{"postgres", "-c", "sleep 1; :", data}
	owner := ownerOf(t, data)
	if os.Geteuid() == 0 {
		leftover.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: owner.Uid, Gid: owner.Gid}}
	}
	require.NoError(t, leftover.Start())
	defer func() { _ = leftover.Wait() }() // not before
	require.NoError(t, os.WriteFile(filepath.Join(data, "postmaster.pid"), fmt.Appendln(nil, leftover.Process.Pid), 0o644))
	assert.Equal(t, "1", query(t, start(t, scratch(dir)).DSN("postgres"), "select 1"))
}

func TestOrphanIsStopped(t *testing.T) {
	t.Parallel()
	o := scratch(publicDir(t))
	orphan, err := embedded.Start(t.Context(), o)
	require.NoError(t, err)
	query(t, orphan.DSN("postgres"), "create table kept as select 'yes' as answer")
	require.NoError(t, orphan.Keep(time.Minute))

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = embedded.Start(ctx, o)
	require.ErrorContains(t, err, "does not end", "a start does not wait longer than its ctx")

	s := start(t, o)
	<-orphan.Done()
	assert.Equal(t, "yes", query(t, s.DSN("postgres"), "select answer from kept"))
}

// An ordinary user needs no other account; under root the test becomes one.
func TestAsAnOrdinaryUser(t *testing.T) {
	t.Parallel()
	const someone = 65534 // nobody: initdb wants a user with a name
	dir := publicDir(t)
	uid := uint32(0)
	if os.Geteuid() == 0 {
		uid = someone
		require.NoError(t, os.Chown(dir, someone, someone))
	}
	owner, dsn, pid := holder(t, dir, uid, "HOME=/nonexistent")
	assert.Equal(t, "1", query(t, dsn, "select 1"))
	require.NoError(t, owner.Process.Kill())
	requireGone(t, pid)

	s := start(t, scratch(dir)) // as root now: the data stays the user's
	if uid != 0 {
		assert.Equal(t, uid, ownerOf(t, filepath.Join(s.Dir(), "cluster")).Uid)
	}
}
