package llm

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

var (
	errKept       = errors.Sentinel("llm: the response is for the adapter")
	errIncomplete = errors.Sentinel("llm: the answer lacks something")
	errLeft       = errors.Sentinel("llm: the caller wants no more")
)

// bufferSize is that of a usual event. The transport has buffers of its own.
const bufferSize = 512

// Exchange is a request of an adapter and the answer to it. The library of a provider builds the request
// and sends it by Do, but does not see the response: the libraries lose errors with the status 200,
// most of those in a stream, and that a stream was cut off.
type Exchange struct {
	// The answer so far.
	Calls   []ToolCall
	Usage   Usage
	Counted bool   // Usage is that of the whole answer
	Finish  Finish // not empty when the answer is complete; FinishStop for tool calls, too

	ctx    context.Context
	info   Info
	client *http.Client
	yield  func(Event, error) bool

	sent       bool
	status     int // zero without a response
	requestID  string
	retryAfter time.Duration
	body       body          // zero without a response
	parts      *json.Decoder // of the body

	text    string // that the caller has not got yet
	pending bool   // text, or work
	tokens  int    // estimate for what was added so far
	result  Result
}

// Answer returns what [Adapter.Stream] returns. The first function sends the request, by [Exchange.Do].
// The second one calls Next for each part of the answer and merges it into the Exchange. It returns
// nil, or an error of Next, when the answer is complete, which the Finish says.
//
// An event without content is a part of the answer that has no text, such as the reasoning of a model.
func Answer(
	ctx context.Context, info Info, client *http.Client, r *Request, send, read func(*Exchange) error,
) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		x := &Exchange{ctx: ctx, info: info, client: client, yield: yield}
		defer x.close()
		if r.Features()&^info.Features != 0 {
			yield(Event{}, x.failure(&Error{Kind: KindUnsupported}))
			return
		}
		err := x.open(send(x))
		if err == nil {
			err = read(x)
		}
		_, failed := err.(*Error) //nolint:errorlint // as open and Next return it
		switch {
		case err == errLeft: //nolint:errorlint // as Next returns it
		case failed || x.Finish == "":
			yield(Event{}, x.failure(err))
		case x.flush(): // After the Finish, an answer that was cut off lacks at most the usage.
			x.complete(r)
		}
	}
}

// complete passes the tool calls and the result of a complete answer to the caller.
func (x *Exchange) complete(r *Request) {
	if x.Finish == FinishStop && len(x.Calls) > 0 {
		x.Finish = FinishToolCalls
	}
	if !x.Counted {
		x.Usage.Output, x.Usage.Estimated = max(x.Usage.Output, x.tokens), true
		if x.Usage.Input == 0 {
			x.Usage.Input = EstimateInput(r)
		}
	}
	for i := range x.Calls {
		x.Calls[i].Arguments = Object(x.Calls[i].Arguments)
		if !x.yield(Event{ToolCall: &x.Calls[i]}, nil) {
			return
		}
	}
	x.result = Result{
		Provider: x.info.Provider, Model: x.info.Model, Finish: x.Finish, Usage: x.Usage, RequestID: x.requestID,
	}
	x.yield(Event{Result: &x.result}, nil)
}

// Embed returns what [Embedder.Embed] returns. The first function sends the request, by
// [Exchange.Do]. The second one reads the vectors and the number of tokens.
func Embed(
	ctx context.Context, info Info, client *http.Client, texts []string,
	send func(*Exchange) error, read func(*Exchange) ([][]float32, int, error),
) ([][]float32, Usage, error) {
	x := &Exchange{ctx: ctx, info: info, client: client}
	defer x.close()
	if err := x.open(send(x)); err != nil {
		return nil, Usage{}, x.failure(err)
	}
	vectors, tokens, err := read(x)
	if err == nil &&
		(len(vectors) != len(texts) || slices.ContainsFunc(vectors, func(v []float32) bool { return len(v) == 0 })) {
		err = errIncomplete
	}
	if err != nil {
		return nil, Usage{}, x.failure(err)
	}
	if tokens == 0 {
		return vectors, Usage{Input: EstimateTokens(strings.Join(texts, " ")), Estimated: true}, nil
	}
	return vectors, Usage{Input: tokens}, nil
}

// Do sends a request. It keeps the response and returns an error. Bodies of errors are cut at 64 KiB,
// and reading more than 32 MiB of an answer fails. A failure in the middle of a body is an
// [io.ErrUnexpectedEOF].
func (x *Exchange) Do(req *http.Request) (*http.Response, error) {
	x.sent = true
	resp, err := x.client.Do(req) //nolint:gosec // the operator sets the URL
	if err != nil {
		return nil, err
	}
	x.status = resp.StatusCode
	for _, name := range [...]string{"X-Request-Id", "Request-Id", "Apim-Request-Id"} { // OpenAI, Anthropic, Azure
		if id := resp.Header.Get(name); errors.ValidCorrelationID(id) {
			x.requestID = id
			break
		}
	}
	x.body = body{ReadCloser: resp.Body, left: maxAnswer, over: errTooLarge}
	if x.status >= http.StatusMultipleChoices {
		x.body.left, x.body.over, x.retryAfter = maxErrorBody, io.EOF, retryAfter(resp.Header)
	}
	return nil, errKept
}

type exchangeKey struct{}

// Context returns the context of the request with the Exchange, which a [Sender] needs.
func (x *Exchange) Context(ctx context.Context) context.Context {
	return context.WithValue(ctx, exchangeKey{}, x)
}

// Sender sends requests by the Exchange of their context, for a library with one client for all requests.
type Sender struct{}

// Do is [Exchange.Do].
func (Sender) Do(req *http.Request) (*http.Response, error) {
	return req.Context().Value(exchangeKey{}).(*Exchange).Do(req) //nolint:errcheck // see above
}

func (x *Exchange) close() {
	if x.body.ReadCloser != nil {
		_ = x.body.Close()
	}
}

// open takes the error with which the request was sent, and returns that of the request or the response.
func (x *Exchange) open(sent error) error {
	switch {
	case !x.sent && x.ctx.Err() == nil:
		if e, ok := errors.AsType[*Error](sent); ok {
			return e
		}
		return &Error{Kind: KindInvalidRequest, Code: "json", Cause: sent} // which the caller gave
	case x.body.ReadCloser == nil:
		return x.Error("", "", sent)
	case x.status < http.StatusMultipleChoices:
		x.startReading()
		return nil
	}
	var p Part
	text, err := io.ReadAll(&x.body)
	if json.Unmarshal(text, &p) == nil && HasValue(p.Error) {
		return x.Refused(p.Error)
	}
	return x.Error("", string(text), err)
}

// startReading finds out whether the body has server-sent events or JSON values, one after the other.
func (x *Exchange) startReading() {
	var r io.Reader = &x.body
	switch x.body.peek() {
	case ':', 'd', 'e', 'i', 'r': // of a comment, data, event, id and retry
		r = &events{lines: bufio.NewReaderSize(r, bufferSize)}
	}
	x.parts = json.NewDecoder(r)
}

// events reads the data of server-sent events. Each event has its data in one line, and its name in the
// data.
type events struct {
	lines *bufio.Reader
	data  []byte // not read yet
}

func (e *events) Read(p []byte) (int, error) {
	for len(e.data) == 0 {
		line, err := e.lines.ReadBytes('\n') // The last line may have no end.
		data, ok := bytes.CutPrefix(line, []byte("data:"))
		data = bytes.TrimSpace(data)
		switch {
		case ok && (len(data) == 0 || string(data) == "[DONE]"):
			return 0, io.EOF
		case ok:
			e.data = data
		case err != nil:
			return 0, err
		}
	}
	n := copy(p, e.data)
	e.data = e.data[n:]
	return n, nil
}

// Part is embedded in the types of which answers consist. Each may have an error instead.
type Part struct{ Error json.RawMessage }

func (p *Part) refusal() json.RawMessage { return p.Error }

// Next decodes the next part of the response, and gives the caller the text of the one before. It
// returns the error in a part. An end of the response before that of the answer is an
// [io.ErrUnexpectedEOF].
func (x *Exchange) Next(part interface{ refusal() json.RawMessage }) error {
	if !x.flush() {
		return errLeft
	}
	err := x.parts.Decode(part)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	return x.Refused(part.refusal())
}

// Text appends to the answer.
func (x *Exchange) Text(text string) {
	x.text += text
	x.Work(text)
}

// Work counts what belongs to the answer but not to its text: reasoning, and arguments of tool calls.
func (x *Exchange) Work(text string) {
	x.tokens += EstimateTokens(text)
	x.pending = x.pending || text != ""
}

// flush gives the caller what was added, and reports whether the caller wants more.
func (x *Exchange) flush() bool {
	if !x.pending {
		return true
	}
	e := Event{Text: x.text}
	x.text, x.pending = "", false
	return x.yield(e, nil)
}

// Refused returns the error that a provider has sent, or nil if it has no value.
func (x *Exchange) Refused(raw json.RawMessage) error {
	if !HasValue(raw) {
		return nil
	}
	var e struct {
		Code, Type any // a word or a number
		Message    string
		InnerError struct{ Code any } // of Azure
		Details    struct {           // of Claude
			Code any `json:"error_code"`
		}
	}
	if json.Unmarshal(raw, &e) != nil || e.Message == "" {
		e.Message = string(raw)
	}
	codes := []any{e.Details.Code, e.Code, e.Type, e.InnerError.Code}
	codes = slices.DeleteFunc(codes, func(c any) bool { return c == nil || c == "" })
	return x.Error(strings.TrimSpace(fmt.Sprintln(codes...)), e.Message, nil)
}

// failure returns the error for the caller.
func (x *Exchange) failure(err error) *Error {
	e, ok := err.(*Error) //nolint:errorlint // as open, Next and Error return it
	if !ok {
		return x.Error("", "", err)
	}
	e.Provider, e.Model = x.info.Provider, x.info.Model
	return e
}

// Error returns the error of a failed request. The end of its context comes first, with its cause: a
// [context.DeadlineExceeded] is a timeout. Then come a failure without a response, an answer that
// ends early, which is an [io.ErrUnexpectedEOF] without a code or message, and what [Classify] makes
// of the provider's code and type, joined by a blank, and its message.
func (x *Exchange) Error(code, message string, cause error) *Error {
	e := &Error{
		Provider: x.info.Provider, Model: x.info.Model, Status: x.status, RequestID: x.requestID,
		RetryAfter: x.retryAfter, Usage: x.Usage, Cause: cause,
	}
	if x.Usage.Input > 0 && x.tokens > x.Usage.Output { // Claude counts at the beginning.
		e.Usage.Output, e.Usage.Estimated = x.tokens, true
	}
	if word, _, _ := strings.Cut(code, " "); errors.ValidCorrelationID(word) { // which can be logged
		e.Code = word
	}
	if cause == nil && message != "" {
		e.Cause = errors.Sentinel(message)
	}
	said := code != "" || message != ""
	switch netErr, isNet := errors.AsType[net.Error](cause); {
	case x.ctx.Err() != nil:
		e.Kind, e.Cause = KindCanceled, context.Cause(x.ctx)
		if errors.Is(e.Cause, context.DeadlineExceeded) {
			e.Kind = KindTimeout
		}
	case isNet && netErr.Timeout() && !said:
		e.Kind = KindTimeout
	case x.status == 0 && !said:
		e.Kind = KindUnavailable
	case x.status < http.StatusMultipleChoices && errors.Is(cause, io.ErrUnexpectedEOF) && !said:
		e.Kind = KindTruncated
	default:
		e.Kind = Classify(x.status, code, message)
	}
	return e
}

// HasValue reports whether a member of a JSON object is present and not null.
func HasValue(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }

// Object returns a JSON object, {} for none.
func Object(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage("{}")
	}
	return raw
}
