package notes_test

import (
	"flag"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/app/audit"
	"github.com/netrun-systems/go-service-template/internal/app/notes"
	"github.com/netrun-systems/go-service-template/internal/app/paging"
)

var rows = flag.Int("rows", 1000, "notes of the tenant in BenchmarkNotes, and of 1,000 other tenants together")

// BenchmarkNotes measures requests of a tenant with many notes among other tenants. A rare term is
// in four notes of the tenant, and in every fifth note of the others. For another size:
//
//	go test ./internal/app/notes -run '^$' -bench Notes -args -rows 400000
func BenchmarkNotes(b *testing.B) {
	f := newFixture(b)
	ada := f.Member(b, f.Tenant(b), access.RoleOwner)
	s, ctx := notes.NewService(f.Pool, audit.NewTrail(f.Pool)), apptest.As(b, ada)
	f.Exec(b, `insert into tenants (id, name) select gen_random_uuid(), 'T' from generate_series(1, 1000)`)
	// In bulk, which the trigger and the index are not made for.
	f.Exec(b, `alter table notes disable trigger note_terms_update`)
	f.Exec(b, `drop index note_terms_terms_idx`)
	f.Exec(b, `insert into notes (id, tenant_id, author_id, title, body, tags, created_at)
		select gen_random_uuid(), case when mine then $1 else other end, $2,
			case when i % case when mine then $3 / 4 else 5 end = 0 then 'rare title' else 'title' end,
			(select string_agg('word' || floor(20000 ^ random()), ' ') from generate_series(1, 40) where i > 0),
			array['tag' || floor(1000 ^ random())] || case when i % case when mine then $3 / 4 else 5 end = 0 then '{rare}'::text[] end,
			now() - i * interval '1 s'
		from generate_series(1, $3::int) i, unnest('{t,f}'::bool[]) mine,
			lateral (select id as other from (select id, row_number() over () - 1 as n from tenants where id <> $1) t where n = i % 1000) o`,
		ada.TenantID, ada.UserID, *rows)
	for _, statement := range []string{
		`insert into note_terms select id, tenant_id, created_at, note_terms_of(tenant_id, search, tags) from notes`,
		`create index note_terms_terms_idx on note_terms using gin (terms) with (fastupdate = off)`,
		`alter table notes enable trigger note_terms_update`,
	} {
		f.Exec(b, statement)
	}
	first, err := s.List(ctx, notes.Filter{}, paging.Query{})
	require.NoError(b, err)

	list := func(name string, filter notes.Filter, atLeast int) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				page, err := s.List(ctx, filter, paging.Query{})
				require.NoError(b, err)
				require.GreaterOrEqual(b, len(page.Items), atLeast)
			}
		})
	}
	b.Run("get", func(b *testing.B) {
		for b.Loop() {
			_, err := s.Get(ctx, first.Items[0].ID)
			require.NoError(b, err)
		}
	})
	list("list", notes.Filter{}, 20)
	list("rare tag", notes.Filter{Tag: "rare"}, 4)
	list("rare word", notes.Filter{Query: "rare"}, 4)
	list("frequent tag", notes.Filter{Tag: "tag1"}, 20)
	list("frequent word", notes.Filter{Query: "word1"}, 20)
}
