package budget_test // part:llm file

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/app/budget"
	"github.com/netrun-systems/go-service-template/internal/app/retention"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/llm"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

func TestMain(m *testing.M) { platformtest.Main(m) }

// replicas are the ledgers of two replicas on one database, and a member of a tenant.
type replicas struct {
	*apptest.Database
	ledgers [2]*budget.Ledger
	member  auth.Principal
}

func newReplicas(t testing.TB) replicas {
	t.Helper()
	d := apptest.NewDatabase(t)
	ledgers := [2]*budget.Ledger{budget.NewLedger(d.Pool), budget.NewLedger(apptest.Pool(t, d.DSN))}
	return replicas{d, ledgers, d.Member(t, d.Tenant(t), access.RoleMember)}
}

// sums returns what the tenant has spent and reserved on all days.
func (r replicas) sums(t testing.TB) (spent, reserved int) {
	t.Helper()
	return r.Count(t, `select coalesce(sum(spent), 0) from llm_spending where tenant_id = $1`, r.member.TenantID),
		r.Count(t, `select coalesce(sum(reserved), 0) from llm_spending where tenant_id = $1`, r.member.TenantID)
}

func (r replicas) assertSums(t testing.TB, spent, reserved int) {
	t.Helper()
	s, v := r.sums(t)
	assert.Equal(t, [2]int{spent, reserved}, [2]int{s, v}, "spent and reserved")
}

// age makes a reservation older.
func (r replicas) age(t testing.TB, id uuid.UUID, age string) {
	t.Helper()
	r.Exec(t, `update llm_reservations set created_at = now() - $2::interval where id = $1`, id, age)
}

// Requests of two replicas at once reserve exactly the limit, and what they settle is exact.
func TestReplicasShareTheBudget(t *testing.T) {
	t.Parallel()
	r := newReplicas(t)
	ctx := apptest.As(t, r.member)
	const amount, limit, fit = 7, 7*50 + 6, 50
	var mu sync.Mutex
	var ids []uuid.UUID
	refused := 0
	both(200, func(i int) {
		id, err := r.ledgers[i%2].Reserve(ctx, amount, limit)
		mu.Lock()
		defer mu.Unlock()
		if errors.Is(err, llm.ErrBudget) {
			refused++
		} else if assert.NoError(t, err) {
			ids = append(ids, id)
		}
	})
	require.Len(t, ids, fit)
	assert.Equal(t, 150, refused)
	r.assertSums(t, 0, fit*amount)

	var spent atomic.Int64
	both(fit, func(i int) {
		actual := rand.Int64N(2 * amount)
		spent.Add(actual)
		for range 2 { // the answer to the first may have been lost
			assert.NoError(t, r.ledgers[(i+1)%2].Settle(ctx, ids[i], llm.Cost(actual)))
		}
	})
	r.assertSums(t, int(spent.Load()), 0)
}

// both calls fn for 0 to n-1, eight at a time.
func both(n int, fn func(i int)) {
	var all sync.WaitGroup
	var next atomic.Int64
	for range 8 {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				fn(i)
			}
		})
	}
	all.Wait()
}

func TestLimit(t *testing.T) {
	t.Parallel()
	r := newReplicas(t)
	ctx, l := apptest.As(t, r.member), r.ledgers[0]
	_, err := l.Reserve(ctx, 101, 100)
	require.ErrorIs(t, err, llm.ErrBudget, "the first of the day")
	assert.Zero(t, r.Count(t, `select count(*) from llm_reservations`))
	first, err := l.Reserve(ctx, 100, 100)
	require.NoError(t, err, "exactly the limit")
	_, err = l.Reserve(ctx, 1, 100)
	require.ErrorIs(t, err, llm.ErrBudget)
	require.NoError(t, l.Settle(ctx, first, 40))
	_, err = l.Reserve(ctx, 61, 100)
	require.ErrorIs(t, err, llm.ErrBudget, "what is spent counts")
	_, err = l.Reserve(ctx, 60, 100)
	require.NoError(t, err)
	_, err = l.Reserve(ctx, 1000, 0)
	require.NoError(t, err, "zero is no limit")
	r.assertSums(t, 40, 1060)

	r.Exec(t, `update llm_spending set day = day - 1`)
	_, err = l.Reserve(ctx, 100, 100)
	require.NoError(t, err, "a new day")
	other := apptest.As(t, r.Member(t, r.Tenant(t), access.RoleMember))
	_, err = l.Reserve(other, 100, 100)
	require.NoError(t, err, "another tenant")
	require.NoError(t, l.Settle(other, first, 7), "a reservation of another tenant is none")
	r.assertSums(t, 40, 1160)
	_, err = l.Reserve(context.WithoutCancel(t.Context()), 1, 0)
	assert.Error(t, err, "no tenant")
}

// A reservation counts for its day also when it is settled after midnight.
func TestSettleAfterMidnight(t *testing.T) {
	t.Parallel()
	r := newReplicas(t)
	ctx, l := apptest.As(t, r.member), r.ledgers[0]
	id, err := l.Reserve(ctx, 10, 0)
	require.NoError(t, err)
	r.Exec(t, `update llm_spending set day = day - 1`)
	r.Exec(t, `update llm_reservations set day = day - 1`)
	require.NoError(t, l.Settle(ctx, id, 3))
	r.assertSums(t, 3, 0)
	assert.Equal(t, 1, r.Count(t, `select count(*) from llm_spending where day = (now() at time zone 'utc')::date - 1 and spent = 3`))
}

// The retention job releases what a replica that died had reserved, and nothing else.
func TestRetentionReleasesReservations(t *testing.T) {
	t.Parallel()
	r := newReplicas(t)
	ctx, l := apptest.As(t, r.member), r.ledgers[0]
	var ids [4]uuid.UUID
	for i, age := range []string{"61 minutes", "61 minutes", "61 minutes", "59 minutes"} {
		var err error
		ids[i], err = l.Reserve(ctx, 10<<i, 0)
		require.NoError(t, err)
		r.age(t, ids[i], age)
	}
	dead, settled, alive := ids[0], ids[1], ids[3]
	require.NoError(t, l.Settle(ctx, settled, 5))
	other := apptest.As(t, r.Member(t, r.Tenant(t), access.RoleMember))
	id, err := l.Reserve(other, 160, 0)
	require.NoError(t, err)
	r.age(t, id, "2 hours")

	deleted, err := retention.Sweep(t.Context(), r.Pool)
	require.NoError(t, err)
	assert.Equal(t, map[string]int64{"llm_reservations": 4}, deleted)
	r.assertSums(t, 5, 80)
	assert.Zero(t, r.Count(t, `select sum(reserved) from llm_spending where tenant_id <> $1`, r.member.TenantID))
	require.NoError(t, l.Settle(ctx, alive, 8))
	require.NoError(t, l.Settle(ctx, dead, 3), "the replica was only stopped for a while")
	r.assertSums(t, 16, 0)
}

// pricesOf returns the prices with rows of a file.
func pricesOf(t testing.TB, rows string) *llm.Prices {
	t.Helper()
	file := filepath.Join(t.TempDir(), "prices.csv")
	text := "provider,model,window,input,cache_read,cache_write,output\n" + rows
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	prices, err := llm.LoadPrices(file)
	require.NoError(t, err)
	return prices
}
