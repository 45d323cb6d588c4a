package paging_test

import (
	"fmt"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/app/paging"
)

type note struct {
	id    uuid.UUID
	title string
}

// A client that reads a list to its end, two notes at a time.
func Example() {
	notes := []note{ // the newest first
		{uuid.MustParse("019b0000-0000-7000-8000-000000000003"), "third"},
		{uuid.MustParse("019b0000-0000-7000-8000-000000000002"), "second"},
		{uuid.MustParse("019b0000-0000-7000-8000-000000000001"), "first"},
	}
	load := func(before uuid.UUID, limit int) (list []note, err error) {
		for _, n := range notes {
			if (before == uuid.Nil || n.id.String() < before.String()) && len(list) < limit {
				list = append(list, n)
			}
		}
		return list, nil
	}
	for q := (paging.Query{Limit: 2}); ; {
		page, err := paging.Load(q, nil, func(n note) uuid.UUID { return n.id }, load)
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
		fmt.Println("and more")
		q.Cursor = *page.NextCursor
	}
	// Output:
	// third
	// second
	// and more
	// first
}
