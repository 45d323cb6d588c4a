package server

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

const defaultCheckTimeout = 2 * time.Second

// Check is one dependency that the service cannot work without.
type Check struct {
	Name    string                      // a key of the answer of /readyz
	Func    func(context.Context) error // nil for healthy; its ctx ends at the timeout
	Timeout time.Duration               // 2s where zero
}

// probe runs a check at most once at a time, so that neither a hanging dependency nor a flood of requests to /readyz
// piles up goroutines.
type probe struct {
	Check
	log logging.Logger

	mu      sync.Mutex
	current *round // nil where none is running
	failing bool
}

type round struct {
	done chan struct{}
	err  error // to be read after done
}

func newProbe(log logging.Logger, check Check) *probe {
	check.Timeout = cmp.Or(check.Timeout, defaultCheckTimeout)
	return &probe{Check: check, log: log}
}

// ask returns the result of the running round or of a new one, or an error when the timeout passes first: a check need
// not follow its ctx.
func (p *probe) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, p.Timeout)
	defer cancel()
	r := p.join(ctx)
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		p.note(ctx, ctx.Err())
		return ctx.Err()
	}
}

func (p *probe) join(ctx context.Context) *round {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current != nil {
		return p.current
	}
	r := &round{done: make(chan struct{})}
	p.current = r
	// The round serves every request that joins it, so it does not end with the one that began it.
	go p.run(context.WithoutCancel(ctx), r)
	return r
}

func (p *probe) run(ctx context.Context, r *round) {
	ctx, cancel := context.WithTimeout(ctx, p.Timeout)
	defer cancel()
	defer func() {
		if value := recover(); value != nil {
			r.err = errors.Recovered(value)
		}
		p.note(ctx, r.err)
		p.mu.Lock()
		p.current = nil
		p.mu.Unlock()
		close(r.done)
	}()
	r.err = p.Func(ctx)
}

// note logs a change of state, not every request of an orchestrator that asks each second.
func (p *probe) note(ctx context.Context, err error) {
	if errors.Is(err, context.Canceled) { // the client of /readyz went away, which says nothing of the dependency
		return
	}
	p.mu.Lock()
	changed := p.failing != (err != nil)
	p.failing = err != nil
	p.mu.Unlock()
	switch {
	case changed && err != nil:
		p.log.Warn(ctx, "readiness_check_failed", logging.String("check", p.Name), logging.Err(err))
	case changed:
		p.log.Info(ctx, "readiness_check_recovered", logging.String("check", p.Name))
	}
}
