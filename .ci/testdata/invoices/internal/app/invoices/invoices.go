// Package invoices manages the invoices of a tenant. A draft or sent invoice can be changed; one that
// is paid or void stays as it is.
package invoices

import (
	"time"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/platform/server/request"
)

// Limits in characters.
const (
	maxCustomer = 200
	maxNumber   = 50
)

// Status is the state of an invoice.
type Status string

// The states.
const (
	Draft Status = "draft"
	Sent  Status = "sent"
	Paid  Status = "paid"
	Void  Status = "void"
)

var (
	statuses   = []Status{Draft, Sent, Paid, Void}
	currencies = []string{"CHF", "EUR", "GBP", "USD"}
)

// Invoice is an invoice in the form that clients receive.
type Invoice struct {
	ID        uuid.UUID    `json:"id" db:"id"`
	Number    string       `json:"number" db:"number"` // unique in the tenant
	Customer  string       `json:"customer" db:"customer"`
	Amount    int64        `json:"amount" db:"amount"` // in the minor unit of the currency
	Currency  string       `json:"currency" db:"currency"`
	DueDate   request.Date `json:"due_date" db:"due_date"`
	Status    Status       `json:"status" db:"status"`
	Version   int64        `json:"version" db:"version"`
	CreatedAt time.Time    `json:"created_at" db:"created_at"`
	UpdatedAt time.Time    `json:"updated_at" db:"updated_at"`
}

// final reports whether the invoice cannot be changed.
func (i Invoice) final() bool { return i.Status == Paid || i.Status == Void }

// Filter selects the invoices of a list. Empty fields select all.
type Filter struct {
	Status   Status
	Currency string
	Customer string
}

// CreateRequest is the body of POST /v1/invoices. The invoice is a draft.
type CreateRequest struct {
	Number   string       `json:"number"`
	Customer string       `json:"customer"`
	Amount   int64        `json:"amount"`
	Currency string       `json:"currency"`
	DueDate  request.Date `json:"due_date"`
}

func (r *CreateRequest) validate() error {
	var check request.Check
	check.Text("number", r.Number, 1, maxNumber)
	check.Text("customer", r.Customer, 1, maxCustomer)
	check.Range("amount", r.Amount, 1, request.MaxMoney)
	request.OneOf(&check, "currency", r.Currency, currencies...)
	if r.DueDate == "" {
		check.Add("due_date", "required", "must not be blank")
	}
	return check.Err()
}

// UpdateRequest is the body of PATCH /v1/invoices/{id}. Fields that are nil stay unchanged.
type UpdateRequest struct {
	Customer *string       `json:"customer"`
	Amount   *int64        `json:"amount"`
	DueDate  *request.Date `json:"due_date"`
	Status   *Status       `json:"status"`
}

func (r *UpdateRequest) validate() error {
	var check request.Check
	if *r == (UpdateRequest{}) {
		check.Add("body", "required", "must contain at least one field that is not null")
	}
	if r.Customer != nil {
		check.Text("customer", *r.Customer, 1, maxCustomer)
	}
	if r.Amount != nil {
		check.Range("amount", *r.Amount, 1, request.MaxMoney)
	}
	if r.Status != nil {
		request.OneOf(&check, "status", *r.Status, statuses...)
	}
	return check.Err()
}
