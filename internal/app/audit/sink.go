package audit

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// Sink takes entries that have been committed, such as one that sends them to a collector of security events. Send is called
// by one goroutine, which nothing else waits for; ctx has the values of the request and ends after [sendTimeout]. What Send
// cannot deliver is its own to repeat or to report. It must not change the entry's details, which all sinks share.
type Sink interface {
	Send(ctx context.Context, e Entry)
}

const (
	queueLength = 1024             // entries that wait for one sink
	sendTimeout = 10 * time.Second // for one of them
)

// queue is what one sink has yet to be given.
type queue struct {
	sink    Sink
	log     logging.Logger
	entries chan queued
	done    chan struct{} // closed when the last entry has been sent
	dropped atomic.Uint64

	mu     sync.RWMutex // held for reading while entries is sent to, which must not be closed then
	closed bool
}

type queued struct {
	ctx   context.Context
	entry Entry
}

func startQueue(s Sink, r *Recorder) *queue {
	q := &queue{sink: s, log: r.log, entries: make(chan queued, queueLength), done: make(chan struct{})}
	go q.run()
	return q
}

// offer never waits: an entry for which there is no room is dropped, and counted. It is in the table all the same.
func (q *queue) offer(ctx context.Context, e Entry) {
	q.mu.RLock()
	defer q.mu.RUnlock()
	if !q.closed {
		select {
		case q.entries <- queued{ctx, e}:
			return
		default:
		}
	}
	n := q.dropped.Add(1)
	if n&(n-1) == 0 { // the first, and then ever fewer: a sink that is down for long does not fill the log as well
		q.log.Warn(ctx, "audit_sink_dropped", logging.String("sink", fmt.Sprintf("%T", q.sink)), logging.Uint64("dropped", n))
	}
}

func (q *queue) run() {
	defer close(q.done)
	for next := range q.entries {
		q.send(next)
	}
}

func (q *queue) send(next queued) {
	ctx, cancel := context.WithTimeout(next.ctx, sendTimeout)
	defer cancel()
	defer func() {
		if value := recover(); value != nil {
			q.log.Exception(ctx, errors.Recovered(value))
		}
	}()
	q.sink.Send(ctx, next.entry)
}

// close ends the intake and waits until everything is sent, or ctx ends.
func (q *queue) close(ctx context.Context) error {
	q.mu.Lock()
	if !q.closed {
		q.closed = true
		close(q.entries)
	}
	q.mu.Unlock()
	select {
	case <-q.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the sink %T has not taken %d audit entries: %w", q.sink, len(q.entries), ctx.Err())
	}
}

// Dropped returns how many entries sinks have not been given because they were too slow, or closed.
func (r *Recorder) Dropped() (n uint64) {
	for _, q := range r.queues {
		n += q.dropped.Load()
	}
	return n
}

// Close gives the sinks what waits for them and ends their goroutines. When ctx ends first, that is an error for each sink
// that is not done, which goes on with what it has. Entries that are recorded later are in the table and the log, and are
// dropped for sinks.
func (r *Recorder) Close(ctx context.Context) error {
	var errs []error
	for _, q := range r.queues {
		errs = append(errs, q.close(ctx))
	}
	return errors.Join(errs...)
}
