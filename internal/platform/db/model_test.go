package db_test

import (
	"context"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// row is a row of the table private.
type row struct {
	Tenant uuid.UUID `db:"tenant_id"`
	Owner  uuid.UUID
	Text   string
}

// model is what the table should hold, and what a tenant and a user should see and change of it.
type model struct {
	pool         *db.Pool
	tenant, user uuid.UUID // of the transaction
	rows         []row
}

func (m *model) visible() (texts []string) {
	texts = []string{}
	for _, r := range m.rows {
		if r.Tenant == m.tenant || r.Owner == m.user { // owners see their rows in every tenant
			texts = append(texts, r.Text)
		}
	}
	slices.Sort(texts)
	return texts
}

var (
	tenants = []uuid.UUID{uuid.MustParse("00000000-0000-7000-8000-00000000000a"), uuid.MustParse("00000000-0000-7000-8000-00000000000b")}
	users   = []uuid.UUID{uuid.MustParse("00000000-0000-7000-8000-000000000001"), uuid.MustParse("00000000-0000-7000-8000-000000000002")}
)

// step runs one random statement, or several in a savepoint. None names the tenant in its condition.
// It returns whether the statement must fail, and its error.
func (m *model) step(ctx context.Context, t *rapid.T, depth int) (refused bool, err error) {
	text := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "text")
	other := tenants[0]
	if m.tenant == other {
		other = tenants[1]
	}
	exec := func(want int, query string, args ...any) error {
		n, err := db.Exec(ctx, m.pool, query, args...)
		if err == nil {
			assert.EqualValues(t, want, n, query)
		}
		return err
	}
	matching := func(change func(*row)) (n int) {
		for i := range m.rows {
			if r := &m.rows[i]; r.Tenant == m.tenant && r.Text == text {
				change(r)
				n++
			}
		}
		return n
	}
	switch rapid.SampledFrom([]string{"insert", "insert", "update", "delete", "intrude", "move", "read", "nest"}).Draw(t, "step") {
	case "insert":
		r := row{m.tenant, rapid.SampledFrom(users).Draw(t, "owner"), text}
		m.rows = append(m.rows, r)
		return false, exec(1, "insert into private (tenant_id, owner, text) values ($1, $2, $3)", r.Tenant, r.Owner, r.Text)
	case "intrude":
		return true, exec(0, "insert into private (tenant_id, owner, text) values ($1, $2, $3)", other, m.user, text)
	case "update":
		n := matching(func(r *row) { r.Text += "+" })
		return false, exec(n, "update private set text = text || '+' where text = $1", text)
	case "move":
		n := matching(func(*row) {})
		return n > 0, exec(0, "update private set tenant_id = $2 where text = $1", text, other)
	case "delete":
		n := matching(func(*row) {})
		m.rows = slices.DeleteFunc(m.rows, func(r row) bool { return r.Tenant == m.tenant && r.Text == text })
		return false, exec(n, "delete from private where text = $1", text)
	case "nest":
		if depth > 1 {
			return false, nil
		}
		return false, m.transaction(ctx, t, depth+1)
	}
	got, err := db.All[string](ctx, m.pool, `select text from private order by text collate "C"`)
	assert.Equal(t, m.visible(), got)
	return false, err
}

// transaction runs a few steps and commits them or, after a refused step or by chance, rolls back.
func (m *model) transaction(ctx context.Context, t *rapid.T, depth int) error {
	before := slices.Clone(m.rows)
	ends := errTest
	err := m.pool.InTenant(ctx, func(ctx context.Context) error {
		for range rapid.IntRange(1, 4).Draw(t, "steps") {
			refused, err := m.step(ctx, t, depth)
			if refused {
				assert.Equal(t, "42501", db.SQLState(err), "a refused statement")
			}
			if err != nil {
				ends = err
				return err
			}
		}
		if rapid.Bool().Draw(t, "commits") {
			ends = nil
		}
		return ends
	})
	require.ErrorIs(t, err, ends)
	if ends == nil {
		return err
	}
	m.rows = before
	if db.SQLState(ends) == "42501" || errors.Is(ends, errTest) {
		return nil // as expected
	}
	return ends
}

// Whatever two tenants do by turns on the same connections, each sees and changes its own rows.
func TestTwoTenantsAgainstAModel(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	pool := open(t, dsn, func(c *db.Config, _ *db.Options) { c.PoolSize = 1 })
	admin := superuser(t, dsn)
	rapid.Check(t, func(rt *rapid.T) {
		_, err := admin.ExecContext(t.Context(), "truncate private")
		require.NoError(rt, err)
		m := &model{pool: pool}
		for range rapid.IntRange(1, 6).Draw(rt, "transactions") {
			m.tenant, m.user = rapid.SampledFrom(tenants).Draw(rt, "tenant"), rapid.SampledFrom(users).Draw(rt, "user")
			require.NoError(rt, m.transaction(db.WithMember(t.Context(), m.tenant, m.user), rt, 0))
		}
		stored, err := db.All[row](t.Context(), pool, "select tenant_id, owner, text from private")
		require.NoError(rt, err)
		assert.Empty(rt, stored, "without a tenant")
		for _, m.tenant = range tenants {
			m.user = uuid.Max
			got, err := db.ReadAll[string](db.WithTenant(t.Context(), m.tenant), pool, `select text from private order by text collate "C"`)
			require.NoError(rt, err)
			assert.Equal(rt, m.visible(), got)
		}
	})
}
