package request_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/server/request"
)

func Example() {
	create := func(c echo.Context) error {
		var in struct {
			Title string `json:"title"`
			Owner string `json:"owner"`
		}
		if err := request.JSON(c, &in); err != nil {
			return err
		}
		var check request.Check
		check.Text("title", in.Title, 1, 200)
		check.Email("owner", in.Owner)
		return check.Err()
	}

	for _, body := range []string{`{"title":"a","ownr":"b@c.de"}`, `{"title":"","owner":"nobody"}`} {
		r := httptest.NewRequest(http.MethodPost, "/notes", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		err := create(echo.New().NewContext(r, httptest.NewRecorder()))
		details, _ := json.Marshal(errors.From(err).Details)
		fmt.Println(string(details))
	}
	// Output:
	// {"fields":[{"field":"ownr","rule":"unknown","message":"is not a field of this request"}]}
	// {"fields":[{"field":"title","rule":"required","message":"must not be blank"},{"field":"owner","rule":"email","message":"must be an email address"}]}
}
