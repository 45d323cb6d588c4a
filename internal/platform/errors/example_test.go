package errors_test

import (
	"database/sql"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

func Example() {
	find := func(id int) error { // a store
		return errors.NotFoundOr(fmt.Errorf("select the note: %w", sql.ErrNoRows), "note", id)
	}

	e := echo.New()
	e.HTTPErrorHandler = errors.Handler(nil)
	e.Use(errors.CorrelationMiddleware())
	e.GET("/notes/7", func(echo.Context) error { return find(7) })

	r := httptest.NewRequest(http.MethodGet, "/notes/7", nil)
	r.Header.Set(errors.HeaderCorrelationID, "from-the-client")
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Header().Get("Content-Type"), w.Header().Get(errors.HeaderCorrelationID))

	fmt.Println(errors.HasCode(find(7), errors.CodeNotFound))
	// Output:
	// 404 application/problem+json from-the-client
	// true
}

func ExampleWrap() {
	err := errors.Wrap(sql.ErrConnDone, errors.CodeServiceUnavailable, "The store is being restarted")
	fmt.Println(err)                    // for the log
	fmt.Println(err.Code, err.Status()) // for the client
	// Output:
	// The store is being restarted: sql: connection is already closed
	// SERVICE_UNAVAILABLE 503
}

func ExampleIs() {
	err := fmt.Errorf("rename the note: %w", errors.Conflict("The title is taken"))
	fmt.Println(errors.Is(err, errors.CodeConflict), errors.Is(err, errors.CodeNotFound))
	// Output: true false
}

func ExampleMapper() {
	busy := errors.Sentinel("queue: no worker is free")
	queue := func(err error) *errors.Error {
		if errors.Is(err, busy) {
			return errors.Unavailable(err, "", 2*time.Second)
		}
		return nil
	}
	e := errors.From(fmt.Errorf("send the mail: %w", busy), queue)
	fmt.Println(e.Code, e.RetryAfter)
	// Output: SERVICE_UNAVAILABLE 2s
}
