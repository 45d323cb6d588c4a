package notes // part:llm file

import (
	"mime"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/app/idempotency"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/llm"
	"github.com/netrun-systems/go-service-template/internal/platform/server"
	"github.com/netrun-systems/go-service-template/internal/platform/server/request"
	"github.com/netrun-systems/go-service-template/internal/platform/server/respond"
)

// SummaryHandler serves summaries.
type SummaryHandler struct{ summarizer summarizer }

// NewSummaryHandler returns a handler whose summaries are written by the models of provider. windows
// has the tokens that a request may have, for each of them.
func NewSummaryHandler(pool *db.Pool, provider llm.Provider, windows []int) *SummaryHandler {
	return &SummaryHandler{summarizer{pool, provider, windows}}
}

// delta is the data of an event of type delta.
type delta struct {
	Text string `json:"text"` // to be appended
}

// Create handles POST /v1/notes/:id/summary. The body may be left out.
//
// With Accept: text/event-stream the response is a stream of events: deltas, then one of type done with
// the whole summary, or one of type error with a problem. Both forms share their idempotency keys; the
// repetition of a stream has one delta.
func (h *SummaryHandler) Create(c echo.Context, p auth.Principal) error {
	id, err := request.UUID(c, "id")
	if err != nil {
		return err
	}
	// net/http notices that the client leaves only after the body.
	if err := request.NoFields(c); err != nil {
		return err
	}
	key, err := idempotency.FromRequest(c, p, "summarize note")
	if err != nil {
		return err
	}
	c.Response().Header().Add("Vary", "Accept")
	if !acceptsEvents(c.Request().Header) {
		s, err := h.summarizer.summarize(c.Request().Context(), id, key, nil)
		if err != nil {
			return err
		}
		return respond.JSON(c, http.StatusOK, s)
	}
	events, err := server.NewEvents(c)
	if err != nil {
		return err
	}
	defer events.Close()
	emit := func(text string) error { return events.Send("delta", delta{text}) }
	s, err := h.summarizer.summarize(c.Request().Context(), id, key, emit)
	if err == nil && !events.Began() {
		err = emit(s.Summary)
	}
	if err != nil {
		return err
	}
	return events.Send("done", s)
}

// acceptsEvents reports whether a client asks for text/event-stream by name.
func acceptsEvents(h http.Header) bool {
	for accept := range strings.SplitSeq(strings.Join(h.Values("Accept"), ","), ",") {
		if name, params, err := mime.ParseMediaType(accept); err == nil && name == "text/event-stream" {
			return params["q"] != "0"
		}
	}
	return false
}
