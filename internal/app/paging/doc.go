// Package paging is lists in pages: what a client asks for, the page that it gets, and the cursor that leads to the next one.
//
// A page begins after an id, not at a number of items, so that nothing is left out or seen twice where items come and go
// meanwhile, and a late page costs what the first one does. That takes a list in the order of its ids, newest first, and ids
// that are UUIDv7, whose order is that of time.
//
// A handler reads the query with [FromRequest], and the service loads the page with [Load]:
//
//	func (s *Service) List(ctx context.Context, f Filter, q paging.Query) (paging.Page[Note], error) {
//		load := func(before uuid.UUID, limit int) ([]Note, error) {
//			return s.notes.list(ctx, f, before, limit) // those below before, unless that is zero, newest first
//		}
//		return paging.Load(q, []string{f.Query, f.Tag}, func(n Note) uuid.UUID { return n.ID }, load)
//	}
package paging
