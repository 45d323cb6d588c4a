package integration

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

func TestInvoices(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	owner := s.client.register()
	viewer := owner.member("viewer")
	invoice := map[string]any{"number": "A-1", "customer": "Ada", "amount": 1999, "currency": "EUR", "due_date": "2026-01-31"}
	create := request{method: "POST", path: "/v1/invoices", body: invoice, header: map[string]string{"Idempotency-Key": "one"}}
	created, again := owner.do(create), owner.do(create)
	require.Equal(t, http.StatusCreated, created.status, string(created.body))
	assert.Equal(t, created.text("id"), again.text("id"))
	assert.Equal(t, "true", again.header.Get("Idempotency-Replayed"))

	path := created.header.Get("Location")
	sent := owner.do(request{method: "PATCH", path: path, body: `{"status":"sent"}`, header: map[string]string{"If-Match": created.header.Get("ETag")}})
	require.Equal(t, http.StatusOK, sent.status, string(sent.body))
	assert.Equal(t, []string{"A-1"}, viewer.get("/v1/invoices?status=sent").items("number"))
	viewer.post("/v1/invoices", invoice).problem(errors.CodePermissionDenied)
	viewer.get("/v1/invoices?state=sent").problem(errors.CodeValidation)
	assert.Equal(t, []string{"invoice_updated", "invoice_created"}, owner.trail("?target_type=invoice"))
}
