package notes_test

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/app/audit"
	"github.com/netrun-systems/go-service-template/internal/app/notes"
	"github.com/netrun-systems/go-service-template/internal/app/paging"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
	"github.com/netrun-systems/go-service-template/migrations"
)

const insertNote = `
	insert into notes (id, tenant_id, author_id, title, body, tags, created_at)
	values ($1, $2, $3, $4, $5, $6, coalesce($7, now()))`

// insert inserts a note as superuser and returns its id.
func (f fixture) insert(t testing.TB, p auth.Principal, title, body string, tags ...string) uuid.UUID {
	t.Helper()
	id := db.NewID()
	f.Exec(t, insertNote, id, p.TenantID, p.UserID, title, body, pq.StringArray(append([]string{}, tags...)), nil)
	return id
}

// as runs a query as [apptest.Role] for the tenant of p, or for none, and returns its first column.
func (f fixture) as(t testing.TB, p auth.Principal, query string, args ...any) (list []string, err error) {
	t.Helper()
	ctx := db.WithMember(t.Context(), p.TenantID, p.UserID)
	begin := f.Pool.InTenant
	if p.TenantID == uuid.Nil {
		begin = f.Pool.InTx
	}
	err = begin(ctx, func(ctx context.Context) (err error) {
		list, err = db.All[string](ctx, f.Pool, query, args...)
		return err
	})
	return list, err
}

// search returns the ids of all notes that a filter selects.
func search(t require.TestingT, s *notes.Service, ctx context.Context, f notes.Filter) (ids []string) { //nolint:revive // t first
	q := paging.Query{Limit: 7}
	for {
		page, err := s.List(ctx, f, q)
		require.NoError(t, err, "%q", f)
		for _, n := range page.Items {
			ids = append(ids, n.ID.String())
		}
		if page.NextCursor == nil {
			return ids
		}
		q.Cursor = *page.NextCursor
	}
}

// A search finds the same as PostgreSQL's operators do without the index.
func TestSearchFindsWhatTheOperatorsFind(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := notes.NewService(f.Pool, audit.NewTrail(f.Pool))
	ada, eve := f.Member(t, f.Tenant(t), access.RoleOwner), f.Member(t, f.Tenant(t), access.RoleOwner)
	texts := []string{
		"a b c", "b a", "a", "c", "", "o'brien", "e-mail", "x.y@example.com", "example.com/a!'b c", `c:\dir\file`, `a\`, `'`, `''`,
		"Ünïcödé straße", "-12 3.5e7", "a&b|c!d", "(a) <b> 'c':1A", "1/2", "日本語 テキスト", "a:*", "'a b'", "or not and", "\u2028a",
	}
	tags := []string{"a", "b", "'", `\`, "a b", "a'b", "A", "日本", "é", "a:1", "!", " "}
	for i, text := range texts {
		for _, p := range []auth.Principal{ada, eve} {
			f.insert(t, p, "t "+text, texts[(i*7+3)%len(texts)], tags[i%len(tags)], tags[(i*5+1)%len(tags)])
		}
	}
	fragments := append(slices.Clone(texts), `"`, "-", " or ", " ", `"a b"`, `-"b a"`, "a", "b", "t", "-a", "(", ")", "&", "<->", "zzz")
	rapid.Check(t, func(r *rapid.T) {
		parts := rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom(fragments), rapid.String()), 0, 6).Draw(r, "parts")
		filter := notes.Filter{
			Query: strings.ReplaceAll(strings.ToValidUTF8(strings.Join(parts, rapid.SampledFrom([]string{"", " "}).Draw(r, "space")), ""), "\x00", ""),
			Tag:   rapid.SampledFrom(append([]string{"", "", "", "nobody's"}, tags...)).Draw(r, "tag"),
		}
		var want pq.StringArray
		err := f.Superuser.QueryRowContext(t.Context(), `
			select coalesce(array_agg(id order by created_at desc, id desc), '{}') from notes where tenant_id = $1
			and ($2 = '' or search @@ websearch_to_tsquery('simple', $2)) and ($3 = '' or tags @> array[$3])`,
			ada.TenantID, filter.Query, filter.Tag).Scan(&want)
		require.NoError(r, err)
		assert.Equal(r, []string(want), append([]string{}, search(r, s, apptest.As(t, ada), filter)...), "%q", filter)
	})
}

// Frequent terms are found among the newest notes, and rare ones by the index, also for later pages.
func TestSearchFindsOldNotes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ada := f.Member(t, f.Tenant(t), access.RoleOwner)
	f.Exec(t, `
		insert into notes (id, tenant_id, author_id, title, body, tags, created_at)
		select gen_random_uuid(), $1, $2, i::text, case when i % 800 = 0 then 'rare' else 'frequent' end || case when i % 40 = 0 then ' medium' else '' end,
			case when i % 700 = 0 then '{rare}'::text[] else '{frequent}' end, now() - i * interval '1 s'
		from generate_series(1, 2500) i`, ada.TenantID, ada.UserID)
	for query, want := range map[string]string{
		"?limit=2&q=rare":                "8001600,2400",
		"?limit=2&tag=rare":              "7001400,2100",
		"?limit=100&q=frequent&tag=rare": "70014002100",
	} {
		assert.Equal(t, want, apptest.Pages(t, "title", func(cursor string) apptest.Response {
			return f.call(t, ada, "GET", "/v1/notes"+query+"&cursor="+cursor, "")
		}), query)
	}
	for word, n := range map[string]int{"frequent": 2497, "medium": 62} {
		ids := search(t, notes.NewService(f.Pool, audit.NewTrail(f.Pool)), apptest.As(t, ada), notes.Filter{Query: word})
		assert.Len(t, ids, n, word)
		assert.Len(t, slices.Compact(slices.Sorted(slices.Values(ids))), n, "%s: some twice", word)
	}
}

func TestSearchFollowsChanges(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ada := f.Member(t, f.Tenant(t), access.RoleMember)
	path := f.create(t, ada, `{"title":"old","tags":["red"]}`)
	found := func(query string) string { return f.call(t, ada, "GET", "/v1/notes"+query, "").Items(t, "title") }
	assert.Equal(t, "old,old", found("?q=old")+","+found("?tag=red"))
	f.call(t, ada, "PATCH", path, `{"title":"new","tags":["blue"]}`, header("If-Match", "*"))
	assert.Equal(t, "new,new,,", found("?q=new")+","+found("?tag=blue")+","+found("?q=old")+","+found("?tag=red"))
	f.call(t, ada, "DELETE", path, "")
	assert.Empty(t, found("?q=new")+found("?tag=blue"))
	assert.Zero(t, f.Count(t, `select count(*) from note_terms`))
}

// The terms of a valid note are below every limit of PostgreSQL.
func TestLargeNotesAreSearchable(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := notes.NewService(f.Pool, audit.NewTrail(f.Pool))
	ada := f.Member(t, f.Tenant(t), access.RoleMember)
	var letters strings.Builder // the most distinct words of the most bytes
	for i, n := rune(0x20000), 0; n < 50_000; i, n = i+1, n+1 {
		letters.WriteString(string(i) + " ")
	}
	for name, body := range map[string]string{
		"letters": letters.String(),
		"long":    strings.Repeat("é", 1023) + " " + strings.Repeat("x", 2046) + " " + strings.Repeat("y", 2047) + " end",
		"one":     strings.Repeat("z", 100_000),
	} {
		id := f.insert(t, ada, name, body, strings.Repeat("\U00020000", 50))
		assert.Equal(t, []string{id.String()}, search(t, s, apptest.As(t, ada), notes.Filter{Query: name}), name)
	}
	assert.Len(t, search(t, s, apptest.As(t, ada), notes.Filter{Query: "end or \U00020007", Tag: strings.Repeat("\U00020000", 50)}), 2)
}

// The attacks are those of somebody who can run any statement as the role of the service.
func TestSearchShowsNoOtherTenant(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ada, eve := f.Member(t, f.Tenant(t), access.RoleOwner), f.Member(t, f.Tenant(t), access.RoleOwner)
	twin := ada.TenantID // with the same last digits, so the same terms
	twin[0] ^= 0xff
	f.Exec(t, `insert into tenants (id, name) values ($1, 'T')`, twin)
	mallory := f.Member(t, twin, access.RoleOwner)
	secret := f.insert(t, ada, "secret", "plan", "confidential")
	digits := ada.TenantID.String()[28:]

	const matching = `select notes_matching($1, $2, null, null, 1)`
	for _, tt := range []struct{ query, tag any }{
		{"secret", nil}, {nil, "confidential"}, {nil, nil}, {"-nothing", nil}, {"secret or other", "confidential"},
		{digits + "secret", nil}, {nil, digits + " confidential"}, {"other", "' | '" + digits + "secret"}, {"x' | '" + digits + "secret", nil},
	} {
		for name, p := range map[string]auth.Principal{"another tenant": eve, "a tenant with the same terms": mallory, "no tenant": {}} {
			found, err := f.as(t, p, matching, tt.query, tt.tag)
			require.NoError(t, err)
			assert.Empty(t, found, "%s: %v", name, tt)
		}
	}
	found, err := f.as(t, ada, matching, "secret", "confidential")
	require.NoError(t, err)
	assert.Equal(t, []string{secret.String()}, found, "the attacks must search for what is there")

	// A condition sees no row of others.
	f.insert(t, ada, "for statistics", "")
	f.Exec(t, `analyze note_terms`)
	require.Positive(t, f.Count(t, `select count(*) from pg_stats where tablename = 'note_terms' and histogram_bounds is not null`))
	leak := `create function pg_temp.leak(value text) returns boolean language plpgsql cost 0.0000001 as
		$$ begin perform pg_sleep(60); raise exception 'leaked %', value; end $$`
	for name, statements := range map[string][]string{
		"table":      {`select note_id::text from note_terms`},
		"error":      {leak, `select note_id::text from note_terms where pg_temp.leak(terms::text)`},
		"division":   {`select note_id::text from note_terms where 1 / (length(terms) - length(terms)) = 1`},
		"sizes":      {`select (1 / count(*))::text from note_terms having count(*) > 0`},
		"statistics": {`select histogram_bounds::text from pg_stats where tablename = 'note_terms' and histogram_bounds is not null`},
	} {
		ctx, cancel := context.WithTimeout(db.WithMember(t.Context(), eve.TenantID, eve.UserID), 20*time.Second)
		defer cancel()
		err := f.Pool.InTenant(ctx, func(ctx context.Context) error {
			for _, statement := range statements {
				rows, err := db.All[string](ctx, f.Pool, statement)
				if err != nil {
					return err
				}
				assert.Empty(t, rows, name)
			}
			return nil
		})
		if err != nil {
			assert.NotContains(t, err.Error(), "leaked", name)
			assert.NotContains(t, err.Error(), "division", name)
			require.NoError(t, ctx.Err(), name)
		}
	}

	// The function reads its own table, not one of the session.
	require.NoError(t, f.Pool.InTenant(apptest.As(t, ada), func(ctx context.Context) error {
		_, err := db.Exec(ctx, f.Pool, `create temp table note_terms (like note_terms) on commit drop`)
		require.NoError(t, err)
		found, err := db.All[string](ctx, f.Pool, matching, "secret", nil)
		assert.Equal(t, []string{secret.String()}, found)
		return err
	}))

	// Nor can anybody change the terms of others.
	_, err = f.as(t, eve, `insert into note_terms values ($1, $2, now(), 'x') returning note_id`, secret, ada.TenantID)
	assert.Equal(t, "42501", db.SQLState(err), err)
	for _, change := range []string{`delete from note_terms returning note_id`, `update note_terms set terms = '' returning note_id`} {
		changed, err := f.as(t, eve, change)
		require.NoError(t, err)
		assert.Empty(t, changed, change)
	}
}

// before returns the migrations with smaller numbers.
func before(t testing.TB, number string) fs.FS {
	t.Helper()
	files := fstest.MapFS{}
	names, err := fs.Glob(migrations.Files, "*.sql")
	require.NoError(t, err)
	for _, name := range names {
		if name < number {
			data, err := fs.ReadFile(migrations.Files, name)
			require.NoError(t, err)
			files[name] = &fstest.MapFile{Data: data}
		}
	}
	return files
}

func migrate(t testing.TB, dsn string, files fs.FS) {
	t.Helper()
	m, err := db.NewMigrator(t.Context(), apptest.Settings(dsn), files, logging.For())
	require.NoError(t, err)
	require.NoError(t, m.Up(t.Context()))
	require.NoError(t, m.Close())
}

// The owner is no superuser, so that row security applies to it, and replicas of the previous
// release write while existing notes are indexed.
func TestNotesAreIndexedWhileTheyChange(t *testing.T) {
	t.Parallel()
	admin := platformtest.Database(t, platformtest.Template{Name: "empty"})
	superuser := apptest.Superuser(t, admin)
	owner := "owner_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	u, err := url.Parse(admin)
	require.NoError(t, err)
	migrate(t, admin, before(t, "00016"))
	for _, statement := range []string{
		`create role ` + owner + ` login nosuperuser nobypassrls password 'indexed'`,
		`alter database ` + pq.QuoteIdentifier(u.Path[1:]) + ` owner to ` + owner,
		`do $$ declare name text; begin
			for name in select tablename from pg_tables where schemaname = 'public' loop
				execute format('alter table %I owner to ` + owner + `', name);
			end loop;
		end $$`,
	} {
		_, err := superuser.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	t.Cleanup(func() {
		_, err := superuser.ExecContext(context.WithoutCancel(t.Context()),
			`reassign owned by `+owner+` to current_user; drop owned by `+owner+`; drop role `+owner)
		require.NoError(t, err)
	})
	dsn := platformtest.As(t, admin, owner, "indexed")
	d := &apptest.Database{DSN: admin, Pool: apptest.Pool(t, admin), Superuser: superuser}
	ada := d.Member(t, d.Tenant(t), access.RoleOwner)
	d.Exec(t, `
		insert into notes (id, tenant_id, author_id, title, body, tags)
		select gen_random_uuid(), $1, $2, i::text, 'some words', '{tag}' from generate_series(1, 5500) i`, ada.TenantID, ada.UserID)

	ctx, cancel := context.WithCancel(apptest.As(t, ada))
	var writers sync.WaitGroup
	var changes int
	writers.Go(func() {
		for ctx.Err() == nil {
			assert.NoError(t, d.Pool.InTenant(context.WithoutCancel(ctx), func(ctx context.Context) error {
				for _, statement := range []string{
					`set local lock_timeout = '5s'`,
					`insert into notes (id, tenant_id, author_id, title, body) select gen_random_uuid(), tenant_id, author_id, 'more', '' from notes limit 1`,
					`delete from notes where id = (select id from notes order by md5(id::text || clock_timestamp()) limit 1)`,
					`update notes set title = 'changed', tags = '{new}' where id = (select id from notes order by md5(id::text || clock_timestamp()) limit 1)`,
				} {
					if _, err := db.Exec(ctx, d.Pool, statement); err != nil {
						return fmt.Errorf("%s: %w", statement, err)
					}
				}
				return nil
			}))
			changes++
		}
	})
	platformtest.Eventually(t, 10*time.Second, func() error {
		if d.Count(t, `select count(*) from notes where title = 'changed'`) == 0 {
			return sql.ErrNoRows
		}
		return nil
	})
	migrate(t, dsn, before(t, "00017"))
	cancel()
	writers.Wait()
	const differences = `
		select count(*) from notes n full join note_terms t on t.note_id = n.id
		where t.terms is distinct from note_terms_of(n.tenant_id, n.search, n.tags)
			or (t.tenant_id, t.created_at) is distinct from (n.tenant_id, n.created_at)`
	require.Positive(t, changes)
	assert.Zero(t, d.Count(t, differences), "after %d changes", changes)
	assert.Equal(t, 5500, d.Count(t, `select count(*) from note_terms`))

	// A run that was interrupted at the end is repeated from its begin.
	d.Exec(t, `delete from note_terms where note_id = (select note_id from note_terms limit 1)`)
	d.Exec(t, `delete from goose_db_version where version_id = 16`)
	migrate(t, dsn, before(t, "00017"))
	assert.Zero(t, d.Count(t, differences))
	assert.Zero(t, d.Count(t, `select count(*) from pg_policy where polname = 'notes_terms'`))
}
