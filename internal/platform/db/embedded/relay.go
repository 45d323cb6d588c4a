package embedded

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

const (
	dialTimeout   = 10 * time.Second
	answerTimeout = 20 * time.Second
	stallTimeout  = 30 * time.Second
)

// relay is an HTTP server on the loopback interface that fetches from a repository, for a client that knows no context. It
// ends with ctx and remembers what went wrong.
type relay struct {
	url        string
	repository string
	client     *http.Client
	server     *http.Server
	unwatch    func() bool
	wg         sync.WaitGroup

	mu  sync.Mutex
	err error
}

func newRelay(ctx context.Context, repository string) (*relay, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the download: %w", err)
	}
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSHandshakeTimeout:   dialTimeout,
		ResponseHeaderTimeout: answerTimeout,
		DisableKeepAlives:     true, // nothing is left open when the download is over
	}
	r := &relay{
		url:        "http://" + listener.Addr().String(),
		repository: strings.TrimSuffix(repository, "/"),
		client:     &http.Client{Transport: transport},
	}
	r.server = &http.Server{
		Handler:           r,
		ReadHeaderTimeout: dialTimeout,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	r.unwatch = context.AfterFunc(ctx, func() { _ = r.server.Close() }) // there is nobody to tell of an error
	r.wg.Go(func() { _ = r.server.Serve(listener) })                    // ends with ErrServerClosed
	return r, nil
}

func (r *relay) close() {
	r.unwatch()
	_ = r.server.Close() // the listener may be closed already
	r.wg.Wait()
}

// failure returns the first thing that went wrong, which is the cause of the rest.
func (r *relay) failure() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

func (r *relay) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = err
	}
}

// ServeHTTP passes a request on and the answer back. A checksum that the repository does not have is no failure.
func (r *relay) ServeHTTP(w http.ResponseWriter, incoming *http.Request) {
	ctx, cancel := context.WithCancelCause(incoming.Context())
	defer cancel(nil)
	url := r.repository + incoming.URL.Path                                   // the repository is configuration, and the path is the library's
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil) //nolint:gosec // see above
	if err != nil {
		r.fail(errors.Sentinel("the repository is not a URL")) // the error would quote it, and it may hold a password
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	response, err := r.client.Do(request) //nolint:gosec // see above
	if err != nil {
		r.fail(err)
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK && !strings.HasSuffix(incoming.URL.Path, ".sha256") {
		r.fail(fmt.Errorf("the repository answered %s for %s", response.Status, incoming.URL.Path))
	}
	if length := response.Header.Get("Content-Length"); length != "" {
		w.Header().Set("Content-Length", length)
	}
	w.WriteHeader(response.StatusCode)
	stalled := time.AfterFunc(stallTimeout, func() { cancel(errors.Sentinel("the download stands still")) })
	defer stalled.Stop()
	if _, err := io.Copy(w, progress{response.Body, stalled}); err != nil {
		r.fail(errors.Join(context.Cause(ctx), err))
		panic(http.ErrAbortHandler) // the client must not take what it has for all
	}
}

// progress is a reader that puts a timer off with every read.
type progress struct {
	io.Reader
	timer *time.Timer
}

func (p progress) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	p.timer.Reset(stallTimeout)
	return n, err
}
