package request

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"syscall"

	"github.com/go-json-experiment/json"
	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// JSON decodes the body of the request into dst, a pointer. The body is one JSON value (RFC 8259, and I-JSON, RFC 7493,
// where it is stricter) of the type application/json or, in a PATCH, application/merge-patch+json (RFC 7396). An unknown or a repeated field, a field in
// another case, a wrong type, invalid UTF-8, nesting deeper than 64 and anything after the value are refused with the
// field named; so are another media type (415) and a body over the limit that the server set (413).
//
// JSON null leaves a field at its zero value, as if it were absent; [Check] says what is required.
func JSON(c echo.Context, dst any) error {
	r := c.Request()
	if r.Body == nil || r.Body == http.NoBody {
		return errors.Invalid("body", "required", "must be a JSON value")
	}
	if err := checkMediaType(r); err != nil {
		return err
	}
	body, err := read(r)
	if err != nil {
		return err
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return errors.Invalid("body", "required", "must be a JSON value")
	}
	if tooDeep(body) {
		return errors.Invalid("body", "max_depth", fmt.Sprintf("must not be nested deeper than %d", maxDepth))
	}
	if err = json.Unmarshal(body, dst, json.RejectUnknownMembers(true)); err != nil {
		return explain(err)
	}
	return nil
}

func checkMediaType(r *http.Request) error {
	h := r.Header
	if encoding := h.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return errors.New(errors.CodeUnsupportedMediaType, "The request body must not be compressed")
	}
	media, parameters, err := mime.ParseMediaType(strings.Join(h.Values("Content-Type"), ","))
	if err != nil || media != "application/json" && (media != "application/merge-patch+json" || r.Method != http.MethodPatch) {
		return errors.New(errors.CodeUnsupportedMediaType, "The request body must be application/json")
	}
	if charset, ok := parameters["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
		return errors.New(errors.CodeUnsupportedMediaType, "The charset of the request body must be utf-8")
	}
	return nil
}

// read returns the whole body. The server's middleware has bounded it.
func read(r *http.Request) ([]byte, error) {
	var body bytes.Buffer
	const trusted = 64 << 10 // a length that is only claimed reserves no more than this
	if r.ContentLength > 0 {
		body.Grow(int(min(r.ContentLength, trusted)) + bytes.MinRead)
	}
	if _, err := body.ReadFrom(r.Body); err != nil {
		return nil, readError(err)
	}
	return body.Bytes(), nil
}

func readError(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return fmt.Errorf("read the request body: %w", err) // errors.From knows it
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return errors.Wrap(err, errors.CodeRequestTimeout, "")
	}
	for _, gone := range []error{io.ErrUnexpectedEOF, net.ErrClosed, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, gone) {
			return errors.Wrap(err, errors.CodeClientClosedRequest, "")
		}
	}
	return errors.Invalid("body", "format", "must be framed as HTTP asks") // a broken chunk
}
