// Package notes is the sample feature: notes of a tenant, listed, searched, tagged and changed by several people at once.
package notes

import (
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"github.com/netrun-systems/go-service-template/internal/platform/server/request"
)

// The limits of a note, in characters and tags.
const (
	maxTitle = 200
	maxBody  = 100_000
	maxTags  = 20
	maxTag   = 50
)

// Note is a note as clients see it.
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

// ETag is the entity tag of this version of the note, a strong one (RFC 9110, section 8.8.3).
func (n Note) ETag() string { return strconv.Quote(strconv.FormatInt(n.Version, 10)) }

// Draft is what a client says of a new note.
type Draft struct {
	Title string   `json:"title"`
	Body  string   `json:"body"`
	Tags  []string `json:"tags"`
}

// Changes is what a client wants changed. What is nil stays as it is.
type Changes struct {
	Title *string   `json:"title"`
	Body  *string   `json:"body"`
	Tags  *[]string `json:"tags"`
}

func (d *Draft) validate() error {
	var check request.Check
	checkTitle(&check, d.Title)
	checkBody(&check, d.Body)
	d.Tags = checkTags(&check, d.Tags)
	return check.Err()
}

func (c *Changes) validate() error {
	var check request.Check
	if c.Title == nil && c.Body == nil && c.Tags == nil {
		check.Add("body", "required", "must have at least one of title, body and tags that is not null")
	}
	if c.Title != nil {
		checkTitle(&check, *c.Title)
	}
	if c.Body != nil {
		checkBody(&check, *c.Body)
	}
	if c.Tags != nil {
		tags := checkTags(&check, *c.Tags)
		c.Tags = &tags
	}
	return check.Err()
}

func checkTitle(check *request.Check, title string) { check.Text("title", title, 1, maxTitle) }

func checkBody(check *request.Check, body string) { check.Text("body", body, 0, maxBody) }

// checkTags returns the tags without repetitions, in the order of their first mention; never nil.
func checkTags(check *request.Check, tags []string) []string {
	if len(tags) > maxTags {
		check.Add("tags", "max_items", "must have at most "+strconv.Itoa(maxTags)+" tags")
		return nil
	}
	seen := make(map[string]bool, len(tags))
	unique := make([]string, 0, len(tags))
	for i, tag := range tags {
		check.Text("tags."+strconv.Itoa(i), tag, 1, maxTag)
		if !seen[tag] {
			seen[tag] = true
			unique = append(unique, tag)
		}
	}
	return unique
}
