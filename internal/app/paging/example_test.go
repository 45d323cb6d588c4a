package paging_test

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/app/paging"
)

type note struct {
	created time.Time
	id      uuid.UUID
	title   string
}

func (n note) position() paging.Position { return paging.Position{Time: n.created, ID: n.id} }

// A client reads a list in pages of two notes.
func Example() {
	day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	notes := []note{ // the newest first
		{day(3), uuid.New(), "third"},
		{day(2), uuid.New(), "second"},
		{day(1), uuid.New(), "first"},
	}
	load := func(after paging.Position, limit int) (list []note, err error) {
		for _, n := range notes { // as in SQL: where (created_at, id) < ($1, $2) order by created_at desc, id desc limit $3
			if (after.IsZero() || n.created.Before(after.Time)) && len(list) < limit {
				list = append(list, n)
			}
		}
		return list, nil
	}
	for q := (paging.Query{Limit: 2}); ; {
		page, err := paging.Load(q, nil, note.position, load)
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, n := range page.Items {
			fmt.Println(n.title)
		}
		if page.NextCursor == nil {
			return
		}
		fmt.Println("next page")
		q.Cursor = *page.NextCursor
	}
	// Output:
	// third
	// second
	// next page
	// first
}
