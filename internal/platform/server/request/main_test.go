package request_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func contextOf(r *http.Request) echo.Context { return echo.New().NewContext(r, httptest.NewRecorder()) }

// refusal returns the only field error of err.
func refusal(t *testing.T, err error) errors.FieldError {
	t.Helper()
	require.True(t, errors.HasCode(err, errors.CodeValidation), "%v", err)
	fields, ok := errors.From(err).Details["fields"].([]errors.FieldError)
	require.True(t, ok)
	require.Len(t, fields, 1)
	require.NotEmpty(t, fields[0].Message)
	return fields[0]
}
