package integration

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/platform/db/embedded"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

// fault is something that happens to the database while clients write.
type fault struct {
	name string
	// begin causes the fault and returns what ends it.
	begin func(f *faulty) (end func())
	holds time.Duration // between begin and end
	// The rest is what the test demands, and docs/reliability.md promises.
	status   int           // that clients get besides 201; 0 for none. Some may get the other one of 503 and 504.
	slowest  time.Duration // limit for a response
	recovers time.Duration // limit for the time after which every client succeeds again
	outage   bool          // /readyz says so
}

var faults = []fault{
	{
		name:  "each message takes 20 ms",
		begin: func(f *faulty) func() { f.proxy.Delay(20 * time.Millisecond); return f.proxy.Restore },
		holds: time.Second, slowest: 3 * time.Second, recovers: 3 * time.Second,
	},
	{
		name:  "the network drops all packets for 4 s",
		begin: func(f *faulty) func() { f.proxy.Stall(); return f.proxy.Restore },
		holds: 4 * time.Second, status: 504, slowest: 5 * time.Second, recovers: 3 * time.Second, outage: true,
	},
	{
		name:   "all connections are reset",
		begin:  func(f *faulty) func() { return f.repeated(func() { f.proxy.Cut(); f.proxy.Restore() }) },
		status: 503, slowest: 3 * time.Second, recovers: 3 * time.Second,
	},
	{
		name:  "the server cannot be reached for 1 s",
		begin: func(f *faulty) func() { f.proxy.Cut(); return f.proxy.Restore },
		holds: time.Second, status: 503, slowest: 3 * time.Second, recovers: 3 * time.Second, outage: true,
	},
	{
		name:  "connections are reset after each COMMIT, before its answer",
		begin: func(f *faulty) func() { f.proxy.LoseCommits(); return f.proxy.Restore },
		holds: time.Second, status: 503, slowest: 3 * time.Second, recovers: 3 * time.Second,
	},
	{
		name:   "an administrator terminates all backends",
		begin:  func(f *faulty) func() { return f.repeated(f.terminate) },
		status: 503, slowest: 3 * time.Second, recovers: 3 * time.Second,
	},
	{
		name:  "the server restarts (fast shutdown)",
		begin: func(f *faulty) func() { f.stop(func() error { return f.server.Stop(f.t.Context()) }); return f.restart },
		holds: time.Second, status: 503, slowest: 3 * time.Second, recovers: 3 * time.Second, outage: true,
	},
	{
		name:  "the server stops at once (immediate shutdown)",
		begin: func(f *faulty) func() { f.signalled(syscall.SIGQUIT); return f.restart },
		holds: time.Second, status: 503, slowest: 3 * time.Second, recovers: 3 * time.Second, outage: true,
	},
	{
		name:  "the server is killed",
		begin: func(f *faulty) func() { f.signalled(syscall.SIGKILL); return f.restart },
		holds: time.Second, status: 503, slowest: 3 * time.Second, recovers: 3 * time.Second, outage: true,
	},
	{
		name:  "all processes of the server are frozen for 4 s",
		begin: func(f *faulty) func() { f.freeze(syscall.SIGSTOP); return func() { f.freeze(syscall.SIGCONT) } },
		holds: 4 * time.Second, status: 504, slowest: 5 * time.Second, recovers: 3 * time.Second, outage: true,
	},
	{
		name:  "the disk of the server is full",
		begin: func(f *faulty) func() { return f.fillDisk() },
		holds: time.Second, status: 503, slowest: 3 * time.Second, recovers: 3 * time.Second,
	},
}

// written are the rows that the clients of TestFaults create. Those with an Idempotency-Key are
// requested again until the response is a 201.
var written = struct {
	path, table, column string
	body                func(name string) map[string]any
	keyed               bool
}{path: "/v1/auth/register", table: "users", column: "email", body: func(name string) map[string]any {
	return map[string]any{"tenant_name": "Tenant", "email": name, "password": password}
}}

// part:notes begin
func init() {
	written.path, written.table, written.column, written.keyed = "/v1/notes", "notes", "title", true
	written.body = func(name string) map[string]any { return map[string]any{"title": name} }
}

// part:notes end

// faulty is a server for faults, whose address never changes, and a service that uses it.
type faulty struct {
	t       *testing.T
	options embedded.Options
	disk    string // the mount point of a small disk that holds the data, or ""
	server  *embedded.Server
	proxy   *platformtest.Proxy
	service *service
	client  client
	writers *writers
}

// Not parallel, because other tests would distort the measured times.
func TestFaults(t *testing.T) {
	f := &faulty{t: t}
	dir, err := os.MkdirTemp("", "faults-") // the user of the server passes it, unlike t.TempDir
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	if err := syscall.Mount("faults", dir, "tmpfs", 0, "size=200m,mode=755"); err == nil {
		f.disk = dir
		t.Cleanup(func() { assert.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	} else {
		t.Logf("cannot mount a small disk (%v): a trigger reports that the disk is full", err)
	}
	f.options = embedded.Options{
		Dir: filepath.Join(dir, "postgres"), Scratch: true,
		Settings: map[string]string{"fsync": "off", "max_connections": "100"},
	}
	f.start()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), soon)
		defer cancel()
		assert.NoError(t, f.server.Stop(ctx))
	})
	f.proxy = platformtest.NewProxy(t, f.target())
	f.service = startOn(t, f.proxy.DSN(f.server.DSN("postgres")), env{"LOG_LEVEL": "info", "HTTP_REQUEST_TIMEOUT": "2s"})
	f.client = f.service.client.register()

	var table strings.Builder
	for _, fault := range faults {
		f.during(fault, &table)
	}
	assert.Len(t, f.service.events("service_started"), 1, "the service must not restart")
	f.document(table.String())
}

// during checks what clients see of a fault and adds it to the table.
func (f *faulty) during(o fault, table *strings.Builder) {
	t := f.t
	w := startWriters(t, f.client)
	f.writers = w
	w.awaitAll(t)
	before := time.Now()
	end := o.begin(f)
	if o.outage {
		f.service.ready(t, false)
	}
	assert.Equal(t, http.StatusOK, f.service.client.get("/healthz").status, "liveness must not depend on the database")
	time.Sleep(max(0, o.holds-time.Since(before))) // the length of the fault
	if o.status != 0 {
		w.awaitRefused(t)
	}
	end()
	ended := time.Now()
	w.awaitAll(t)
	recovered := time.Since(ended)
	f.service.ready(t, true)
	w.stop()

	lost, doubled := w.compare(t, f.superuser())
	t.Logf("%s: %d acknowledged; refused %v; slowest response %s; recovered after %s", o.name,
		len(w.acknowledged), w.refused, w.slowest.Round(time.Millisecond), recovered.Round(time.Millisecond))
	status := "none"
	if o.status != 0 {
		status = strconv.Itoa(o.status)
		assert.NotZero(t, w.refused[o.status], "%s: nobody got a %d", o.name, o.status)
		delete(w.refused, http.StatusServiceUnavailable)
		delete(w.refused, http.StatusGatewayTimeout)
	}
	assert.Empty(t, w.refused, "%s: other responses", o.name)
	assert.Less(t, w.slowest, o.slowest, "%s: slowest response", o.name)
	assert.Less(t, recovered, o.recovers, "%s: recovery", o.name)
	assert.Zero(t, lost, "%s: acknowledged rows are missing", o.name)
	assert.Zero(t, doubled, "%s: rows are there twice", o.name)
	fmt.Fprintf(table, "| %s | %s | %s | %s | %d | %d |\n", o.name, status, o.slowest, o.recovers, lost, doubled)
}

// document compares the table with the one in docs/reliability.md, or writes it there.
func (f *faulty) document(table string) {
	const file, begin, end = "../docs/reliability.md", "<!-- faults begin -->\n", "<!-- faults end -->\n"
	text, err := os.ReadFile(file)
	require.NoError(f.t, err)
	head, rest, _ := strings.Cut(string(text), begin)
	_, tail, found := strings.Cut(rest, end)
	require.True(f.t, found, "%s has no %s", file, end)
	want := head + begin + "\n| what happens | clients see besides 201 | slowest response below |" +
		" all succeed again within | acknowledged rows lost | rows doubled |\n|---|---|---|---|---|---|\n" +
		table + "\n" + end + tail
	if os.Getenv("TEST_UPDATE") != "" {
		require.NoError(f.t, os.WriteFile(file, []byte(want), 0o644))
		return
	}
	assert.Equal(f.t, want, string(text), "%s differs: run the test with TEST_UPDATE=1 and read the change", file)
}

func (f *faulty) start() {
	server, err := embedded.Start(f.t.Context(), f.options)
	require.NoError(f.t, err)
	f.server = server
}

func (f *faulty) target() string { return platformtest.Target(f.t, f.server.DSN("postgres")) }

func (f *faulty) superuser() *sql.DB { return apptest.Superuser(f.t, f.server.DSN("postgres")) }

// stop resets the connections, as the end of the server does, and ends the server.
func (f *faulty) stop(end func() error) {
	require.NoError(f.t, end())
	f.proxy.Cut()
}

// restart starts a server that has ended on the same data.
func (f *faulty) restart() {
	f.start()
	f.proxy.Retarget(f.target())
	f.proxy.Restore()
}

// repeated causes a fault that takes no time until it has met a request.
func (f *faulty) repeated(fault func()) (end func()) {
	platformtest.Eventually(f.t, soon, func() error {
		fault()
		time.Sleep(10 * time.Millisecond)
		return f.writers.wereRefused()
	})
	return func() {}
}

// signalled ends the server with a signal.
func (f *faulty) signalled(sig syscall.Signal) {
	f.stop(func() error {
		if err := syscall.Kill(f.server.PID(), sig); err != nil {
			return err
		}
		<-f.server.Done()
		_ = f.server.Stop(f.t.Context()) // releases the directory
		return nil
	})
}

// freeze sends a signal to all processes of the server.
func (f *faulty) freeze(sig syscall.Signal) {
	pid := strconv.Itoa(f.server.PID())
	require.NoError(f.t, syscall.Kill(f.server.PID(), sig)) // first, so that it starts no others
	children, err := os.ReadFile("/proc/" + pid + "/task/" + pid + "/children")
	require.NoError(f.t, err)
	require.NotEmpty(f.t, bytes.Fields(children))
	for _, child := range bytes.Fields(children) {
		pid, err := strconv.Atoi(string(child))
		require.NoError(f.t, err)
		_ = syscall.Kill(pid, sig) // it may have ended
	}
}

func (f *faulty) terminate() {
	_, err := f.superuser().ExecContext(f.t.Context(), `
		select pg_terminate_backend(pid) from pg_stat_activity
		where backend_type = 'client backend' and pid <> pg_backend_pid()`)
	require.NoError(f.t, err)
}

// fillDisk fills the disk of the server.
func (f *faulty) fillDisk() (end func()) {
	admin := f.superuser()
	execute := func(statement string) {
		_, err := admin.ExecContext(f.t.Context(), statement)
		require.NoError(f.t, err)
	}
	if f.disk == "" {
		execute("create function full_disk() returns trigger language plpgsql as " +
			"$$ begin raise disk_full using message = 'No space left on device'; end $$")
		execute("create trigger full_disk before insert on " + written.table + " execute function full_disk()")
		return func() { execute("drop function full_disk cascade") }
	}
	execute("select pg_switch_wal()") // a new file, because a server that cannot make one stops
	execute("create table ballast ()")
	file := filepath.Join(f.disk, "ballast")
	ballast, err := os.Create(file)
	require.NoError(f.t, err)
	block := make([]byte, 1<<20)
	for err == nil && len(block) > 0 {
		if _, err = ballast.Write(block); errors.Is(err, syscall.ENOSPC) {
			block, err = block[:len(block)/2], nil
		}
	}
	require.NoError(f.t, err)
	require.NoError(f.t, ballast.Close())
	return func() { require.NoError(f.t, os.Remove(file)) }
}

// writers are clients that each create one row after the other until they are stopped.
type writers struct {
	t     *testing.T
	ended chan struct{}
	done  sync.WaitGroup

	mu           sync.Mutex
	acknowledged map[string]bool // names of rows; false for those that were never acknowledged
	successes    []int           // of each client
	refused      map[int]int     // responses by status
	slowest      time.Duration
}

const clients = 8

func startWriters(t *testing.T, c client) *writers {
	t.Helper()
	w := &writers{
		t: t, ended: make(chan struct{}),
		acknowledged: map[string]bool{}, refused: map[int]int{}, successes: make([]int, clients),
	}
	for i := range clients {
		w.done.Go(func() { w.run(c, i) })
	}
	return w
}

// run creates rows. The last one is acknowledged too, so that all are known.
func (w *writers) run(c client, number int) {
	name, deadline := "", time.Now().Add(3*soon)
	for time.Now().Before(deadline) {
		if name == "" {
			select {
			case <-w.ended:
				return
			default:
			}
			name = uuid.NewString() + "@example.com"
		}
		r := request{method: "POST", path: written.path, body: written.body(name)}
		if written.keyed {
			r.header = map[string]string{"Idempotency-Key": name}
		}
		begin := time.Now()
		res, err := c.try(r)
		if !assert.NoError(w.t, err, "every request must get a response") {
			return
		}
		w.mu.Lock()
		w.slowest = max(w.slowest, time.Since(begin))
		w.acknowledged[name] = w.acknowledged[name] || res.status == http.StatusCreated
		if res.status == http.StatusCreated {
			w.successes[number]++
			name = ""
		} else {
			w.refused[res.status]++
			if !written.keyed {
				name = ""
			}
		}
		w.mu.Unlock()
		if res.status == http.StatusServiceUnavailable {
			assert.NotEmpty(w.t, res.header.Get("Retry-After"))
			time.Sleep(20 * time.Millisecond) // a second, as the header says, would measure the client
		}
	}
	assert.Fail(w.t, "a client got no 201 in time")
}

// awaitAll waits until each client has succeeded after the call, with a request that it may have
// sent before.
func (w *writers) awaitAll(t testing.TB) {
	t.Helper()
	w.mu.Lock()
	before := slices.Clone(w.successes)
	w.mu.Unlock()
	platformtest.Eventually(t, soon, func() error {
		w.mu.Lock()
		defer w.mu.Unlock()
		for i, n := range before {
			if w.successes[i] == n {
				return fmt.Errorf("client %d got no 201; refused %v", i, w.refused)
			}
		}
		return nil
	})
}

// awaitRefused waits until a client has got a response other than 201.
func (w *writers) awaitRefused(t testing.TB) {
	t.Helper()
	platformtest.Eventually(t, soon, w.wereRefused)
}

func (w *writers) wereRefused() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.refused) == 0 {
		return errors.Sentinel("no client was refused")
	}
	return nil
}

func (w *writers) stop() {
	close(w.ended)
	w.done.Wait()
}

// compare returns how many acknowledged rows are missing and how many rows are there more than once.
func (w *writers) compare(t testing.TB, admin *sql.DB) (lost, doubled int) {
	t.Helper()
	names := slices.Collect(maps.Keys(w.acknowledged))
	rows, err := admin.QueryContext(t.Context(), "select "+written.column+", count(*) from "+written.table+
		" where "+written.column+" = any (string_to_array($1, ',')) group by 1", strings.Join(names, ","))
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	found := map[string]int{}
	for rows.Next() {
		var name string
		var n int
		require.NoError(t, rows.Scan(&name, &n))
		found[name] = n
	}
	require.NoError(t, rows.Err())
	for name, acknowledged := range w.acknowledged {
		if acknowledged && found[name] == 0 {
			lost++
		}
		if found[name] > 1 {
			doubled++
		}
	}
	require.NotEmpty(t, found)
	return lost, doubled
}
