package errors

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// MediaType is the media type of [Problem].
const MediaType = "application/problem+json"

// Problem is the body of an error response: the members of RFC 9457 and this service's extensions. Type is about:blank,
// which makes Title the phrase of the status; Code is what a client switches on.
type Problem struct {
	Type          string         `json:"type"`
	Title         string         `json:"title"`
	Status        int            `json:"status"`
	Detail        string         `json:"detail"`
	Instance      string         `json:"instance,omitempty"` // the path of the request, escaped: a URI reference
	Code          string         `json:"code"`
	CorrelationID string         `json:"correlation_id"`
	Timestamp     time.Time      `json:"timestamp"` // UTC, RFC 3339
	Details       map[string]any `json:"details,omitempty"`
}

// NewProblem returns what a client may see of e.
func NewProblem(e *Error, instance, correlationID string, now time.Time) Problem {
	p := Problem{
		Type:          "about:blank",
		Title:         cmp.Or(http.StatusText(e.Status()), e.Code.Message),
		Status:        e.Status(),
		Detail:        e.message(),
		Instance:      instance,
		Code:          e.Code.Name,
		CorrelationID: correlationID,
		Timestamp:     now.UTC(),
		Details:       e.Details,
	}
	if p.Code == "" {
		p.Code = CodeInternal.Name
	}
	return p
}

// instance returns the path of u as a reference of RFC 3986. Two slashes at its beginning would make a host of what follows
// them, and Go lets brackets through that belong to hosts as well.
func instance(u *url.URL) string {
	path := u.EscapedPath()
	if strings.HasPrefix(path, "//") {
		path = "/." + path
	}
	return brackets.Replace(path)
}

var brackets = strings.NewReplacer("[", "%5B", "]", "%5D")

// encode returns the problem as JSON. Details that JSON cannot hold, or that panic when they are asked, are left out: a
// client gets its answer all the same.
func (p Problem) encode() ([]byte, error) {
	if body, err := p.marshal(); err == nil {
		return body, nil
	}
	p.Details = nil
	return p.marshal()
}

func (p Problem) marshal() (body []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("marshal the problem: panic: %v", r)
		}
	}()
	return json.Marshal(p)
}

// setHeaders adds the headers that the status asks for: Retry-After (RFC 9110), WWW-Authenticate (RFC 6750), and a
// Cache-Control that keeps errors out of caches. What the handler had set for the answer it did not give goes.
func setHeaders(h http.Header, e *Error) {
	for _, stale := range []string{"Content-Length", "Etag", "Last-Modified", "Content-Disposition"} {
		h.Del(stale)
	}
	h.Set("Content-Type", MediaType)
	h.Set("Cache-Control", "no-store")
	switch e.Status() {
	case http.StatusUnauthorized, http.StatusForbidden:
		if c := challenge(e); c != "" {
			h.Set("WWW-Authenticate", c)
		}
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		h.Set("Retry-After", retryAfter(e.RetryAfter))
	}
}

// retryAfter is a whole number of seconds, at least one.
func retryAfter(d time.Duration) string {
	return strconv.FormatInt(max(1, int64(math.Ceil(d.Seconds()))), 10)
}
