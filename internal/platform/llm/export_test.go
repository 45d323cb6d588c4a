package llm

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"time"
)

// RetryAfter is retryAfter.
var RetryAfter = retryAfter

// Events returns a reader of the data of server-sent events.
func Events(r io.Reader) io.Reader { return &events{lines: bufio.NewReader(r)} }

// Recorded is what an Exchange knows of a response.
type Recorded struct {
	Status     int
	RequestID  string
	RetryAfter time.Duration
}

// NewExchange returns an Exchange with a response.
func NewExchange(ctx context.Context, info Info, client *http.Client, r Recorded) *Exchange {
	return &Exchange{
		ctx: ctx, info: info, client: client, status: r.Status, requestID: r.RequestID, retryAfter: r.RetryAfter,
	}
}

// Recorded returns what the Exchange knows of its response.
func (x *Exchange) Recorded() Recorded { return Recorded{x.status, x.requestID, x.retryAfter} }

// Body returns the body of the response.
func (x *Exchange) Body() io.ReadCloser { return &x.body }
