package server // part:notes part:llm file

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

const (
	// eventHeartbeat is the time between comments that keep proxies from closing a silent connection.
	eventHeartbeat = 5 * time.Second
	// eventTimeout is how long a client may take to read an event.
	eventTimeout = 15 * time.Second

	eventsKey = "server.events" // of the [Events] in the echo.Context
)

// Events is a response of server-sent events (text/event-stream). The status is sent with the first
// event: an error that the handler returns before is an ordinary response, and one that it returns
// after is an event of type error, with a [Problem]. A stream that ends with neither that nor the last
// event of the handler was cut off.
//
// Make it with [NewEvents] before the ctx of the request is used. Its methods may be called by one
// goroutine at a time.
type Events struct {
	response *echo.Response
	control  *http.ResponseController
	cancel   context.CancelFunc // of the ctx of the request

	mu        sync.Mutex
	began     bool
	failure   error // of a write; nothing is written after it
	stop      chan struct{}
	heartbeat sync.WaitGroup
}

// NewEvents prepares a response of events: the request has no timeout any more, see [NoTimeout]. Its
// ctx ends when the client leaves or stops reading. Close must be called.
func NewEvents(c echo.Context) (*Events, error) {
	if err := NoTimeout(c); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(c.Request().Context())
	c.SetRequest(c.Request().WithContext(ctx))
	e := &Events{
		response: c.Response(), control: http.NewResponseController(c.Response()), cancel: cancel, stop: make(chan struct{}),
	}
	c.Set(eventsKey, e)
	return e, nil
}

// Began reports whether an event was sent.
func (e *Events) Began() bool { return e.began }

// Send sends an event of a type with v as JSON, at once.
func (e *Events) Send(name string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return errors.Internal(err, "encode an event")
	}
	if !e.began {
		e.began = true
		h := e.response.Header()
		h.Set("Content-Type", "text/event-stream")
		h.Set("X-Accel-Buffering", "no") // for nginx
		e.response.WriteHeader(http.StatusOK)
		e.heartbeat.Go(e.beat)
	}
	return e.write("event: " + name + "\ndata: " + string(data) + "\n\n") // JSON has no line breaks
}

// Close ends the heartbeats. The ctx goes on: the error handler looks at it.
func (e *Events) Close() {
	close(e.stop)
	e.heartbeat.Wait()
}

// fail sends the last event for an error. It returns an error if the client would take the stream for
// complete.
func (e *Events) fail(p Problem) error {
	if p.Status == errors.StatusClientClosedRequest {
		return nil // nobody reads it
	}
	data, err := p.encode()
	if err != nil {
		return err
	}
	return e.write("event: error\ndata: " + string(data) + "\n\n")
}

// beat sends comments until Close.
func (e *Events) beat() {
	ticker := time.NewTicker(eventHeartbeat)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if e.write(":\n\n") != nil {
				return
			}
		case <-e.stop:
			return
		}
	}
}

func (e *Events) write(frame string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.failure != nil {
		return e.failure
	}
	// The recorder of a test has no deadlines.
	err := e.control.SetWriteDeadline(time.Now().Add(eventTimeout))
	if err == nil || errors.Is(err, http.ErrNotSupported) {
		if _, err = e.response.Write([]byte(frame)); err == nil {
			err = e.control.Flush()
		}
	}
	if err != nil {
		e.failure = errors.Wrap(err, errors.CodeClientClosedRequest, "")
		e.cancel()
		return e.failure
	}
	return nil
}
