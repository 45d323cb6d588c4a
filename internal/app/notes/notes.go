// Package notes is the sample feature: the notes of a tenant, with search, tags and optimistic
// locking. Copy it to start a feature of your own. A request passes through its files in this
// order:
//
//   - http.go decodes the request, calls the service and encodes the result.
//   - notes.go has the types of requests and responses, and validates requests.
//   - service.go implements the feature. Each method runs in one tenant transaction.
//   - store.go has the SQL. Each method executes one statement.
package notes

import (
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"github.com/netrun-systems/go-service-template/internal/platform/server/request"
)

// Limits in characters, and of the number of tags.
const (
	maxTitle = 200
	maxBody  = 100_000
	maxTags  = 20
	maxTag   = 50
	maxQuery = 200
)

// Note is a note in the form that clients receive.
type Note struct {
	ID        uuid.UUID      `json:"id" db:"id"`
	AuthorID  uuid.UUID      `json:"author_id" db:"author_id"`
	Title     string         `json:"title" db:"title"`
	Body      string         `json:"body" db:"body"`
	Tags      pq.StringArray `json:"tags" db:"tags"`
	Version   int64          `json:"version" db:"version"`
	CreatedAt time.Time      `json:"created_at" db:"created_at"`
	UpdatedAt time.Time      `json:"updated_at" db:"updated_at"`
}

// Filter selects the notes of a list. Empty fields select all.
type Filter struct {
	Query string // words in title or body, in the syntax of websearch_to_tsquery
	Tag   string
}

// CreateRequest is the body of POST /v1/notes.
type CreateRequest struct {
	Title string   `json:"title"`
	Body  string   `json:"body"`
	Tags  []string `json:"tags"`
}

func (r *CreateRequest) validate() error {
	var check request.Check
	check.Text("title", r.Title, 1, maxTitle)
	check.Text("body", r.Body, 0, maxBody)
	r.Tags = checkTags(&check, r.Tags)
	return check.Err()
}

// UpdateRequest is the body of PATCH /v1/notes/{id}. Fields that are nil stay unchanged.
type UpdateRequest struct {
	Title *string   `json:"title"`
	Body  *string   `json:"body"`
	Tags  *[]string `json:"tags"`
}

func (r *UpdateRequest) validate() error {
	var check request.Check
	if r.Title == nil && r.Body == nil && r.Tags == nil {
		check.Add("body", "required", "must contain at least one of title, body and tags that is not null")
	}
	if r.Title != nil {
		check.Text("title", *r.Title, 1, maxTitle)
	}
	if r.Body != nil {
		check.Text("body", *r.Body, 0, maxBody)
	}
	if r.Tags != nil {
		tags := checkTags(&check, *r.Tags)
		r.Tags = &tags
	}
	return check.Err()
}

// checkTags checks the tags and returns them without duplicates, never nil.
func checkTags(check *request.Check, tags []string) []string {
	unique := []string{}
	if len(tags) > maxTags {
		check.Add("tags", "max_items", "must have at most "+strconv.Itoa(maxTags)+" tags")
		return unique
	}
	for i, tag := range tags {
		check.Text("tags."+strconv.Itoa(i), tag, 1, maxTag)
		if !slices.Contains(unique, tag) {
			unique = append(unique, tag)
		}
	}
	return unique
}
