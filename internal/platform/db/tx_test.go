package db_test

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

var errTest = errors.Sentinel("the function says no")

func insert(ctx context.Context, pool *db.Pool, id int) error {
	_, err := db.Exec(ctx, pool, "insert into items (id) values ($1)", id)
	return err
}

func TestCommitErrorReachesTheCaller(t *testing.T) {
	t.Parallel()
	pool := open(t, database(t))

	err := pool.InTx(t.Context(), func(ctx context.Context) error {
		_, err := db.Exec(ctx, pool, "insert into items (id, parent) values (1, 2)") // the constraint is checked at COMMIT
		return err
	})

	require.Error(t, err, "the row is not there, so the caller must know")
	assert.True(t, errors.HasCode(err, errors.CodeConflict), err)
	assert.Equal(t, "23503", db.SQLState(err))
	assert.Zero(t, count(t.Context(), t, pool, "items"))
}

func TestCommitOfAFailedTransactionIsAnError(t *testing.T) {
	t.Parallel()
	pool := open(t, database(t))

	err := pool.InTx(t.Context(), func(ctx context.Context) error {
		require.NoError(t, insert(ctx, pool, 1))
		assert.Error(t, insert(ctx, pool, 1), "the duplicate fails the transaction")
		return nil // and the function overlooks it
	})

	require.Error(t, err)
	assert.Zero(t, count(t.Context(), t, pool, "items"))
}

func TestInTx(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fn   func(ctx context.Context, pool *db.Pool) error
		want error
		rows int
	}{
		"commits": {
			fn:   func(ctx context.Context, pool *db.Pool) error { return insert(ctx, pool, 1) },
			rows: 1,
		},
		"rolls back on error": {
			fn: func(ctx context.Context, pool *db.Pool) error {
				return errors.Join(insert(ctx, pool, 1), errTest)
			},
			want: errTest,
		},
		"nested commits with the outer": {
			fn: func(ctx context.Context, pool *db.Pool) error {
				return errors.Join(insert(ctx, pool, 1), pool.InTx(ctx, func(ctx context.Context) error { return insert(ctx, pool, 2) }))
			},
			rows: 2,
		},
		"nested rolls back with the outer": {
			fn: func(ctx context.Context, pool *db.Pool) error {
				return errors.Join(pool.InTx(ctx, func(ctx context.Context) error { return insert(ctx, pool, 2) }), errTest)
			},
			want: errTest,
		},
		"nested error undoes its own work only": {
			fn: func(ctx context.Context, pool *db.Pool) error {
				if err := insert(ctx, pool, 1); err != nil {
					return err
				}
				err := pool.InTx(ctx, func(ctx context.Context) error {
					return errors.Join(insert(ctx, pool, 2), insert(ctx, pool, 1)) // the second fails in the database
				})
				if !errors.HasCode(err, errors.CodeConflict) {
					return errors.Internal(err, "expected a conflict")
				}
				return insert(ctx, pool, 3)
			},
			rows: 2,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := open(t, database(t))
			err := pool.InTx(t.Context(), func(ctx context.Context) error { return tt.fn(ctx, pool) })
			assert.ErrorIs(t, err, tt.want)
			assert.Equal(t, tt.rows, count(t.Context(), t, pool, "items"))
			assert.Zero(t, pool.SQL().Stats().InUse, "every connection is back")
		})
	}
}

func TestNestedTransactionWhoseContextHasEnded(t *testing.T) {
	t.Parallel()
	pool := open(t, database(t))
	tenant := newID(t)
	err := pool.InTx(t.Context(), func(ctx context.Context) error {
		short, cancel := context.WithCancel(db.WithTenant(ctx, tenant))
		err := pool.InTenant(short, func(ctx context.Context) error {
			require.NoError(t, insert(ctx, pool, 1))
			cancel()
			return errTest
		})
		require.ErrorIs(t, err, errTest)
		setting, err := db.One[string](ctx, pool, "select coalesce(current_setting('app.tenant_id', true), '')")
		require.NoError(t, err)
		assert.Empty(t, setting, "the tenant is gone with the savepoint")
		return insert(ctx, pool, 2)
	})
	require.NoError(t, err)
	ids, err := db.All[int](t.Context(), pool, "select id from items")
	require.NoError(t, err)
	assert.Equal(t, []int{2}, ids, "what was undone is not committed")
}

func TestNestedErrorThatIsOverlooked(t *testing.T) {
	t.Parallel()
	pool := open(t, database(t))
	err := pool.InTx(t.Context(), func(ctx context.Context) error {
		require.NoError(t, insert(ctx, pool, 1))
		err := pool.InTx(ctx, func(ctx context.Context) error {
			assert.Error(t, insert(ctx, pool, 1))
			return nil // although the server has failed the transaction
		})
		assert.Error(t, err)
		return insert(ctx, pool, 2) // the outer function decides about the rest
	})
	require.NoError(t, err)
	assert.Equal(t, 2, count(t.Context(), t, pool, "items"))
}

func TestStatementWithATimeOfItsOwnLeavesTheTransactionAlone(t *testing.T) {
	t.Parallel()
	pool := open(t, database(t))
	err := pool.InTx(t.Context(), func(ctx context.Context) error {
		err := pool.InTx(ctx, func(ctx context.Context) error {
			short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
			defer cancel()
			_, err := db.Exec(short, pool, "select pg_sleep($1::float)", 30)
			return err
		})
		assert.True(t, errors.HasCode(err, errors.CodeGatewayTimeout), err)
		_, err = db.Exec(ctx, pool, "select pg_sleep($1::float)", 1.2) // longer than a statement that was given up is waited for
		return err
	})
	assert.NoError(t, err)
}

func TestPanicRollsBackAndGoesOn(t *testing.T) {
	t.Parallel()
	pool := open(t, database(t))
	for name, fn := range map[string]func(ctx context.Context) error{
		"outer": func(ctx context.Context) error {
			_ = insert(ctx, pool, 1)
			panic("outer")
		},
		"nested": func(ctx context.Context) error {
			return pool.InTx(ctx, func(ctx context.Context) error {
				_ = insert(ctx, pool, 1)
				panic("nested")
			})
		},
	} {
		assert.PanicsWithValue(t, name, func() { _ = pool.InTx(t.Context(), fn) })
		assert.Zero(t, count(t.Context(), t, pool, "items"), name)
		assert.Zero(t, pool.SQL().Stats().InUse, name)
	}
}

func TestGoexitRollsBack(t *testing.T) {
	t.Parallel()
	pool := open(t, database(t))
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = pool.InTx(context.Background(), func(ctx context.Context) error {
			_ = insert(ctx, pool, 1)
			runtime.Goexit() // as a failed test does
			return nil
		})
	}()
	<-done
	assert.Zero(t, count(t.Context(), t, pool, "items"))
	assert.Zero(t, pool.SQL().Stats().InUse)
}

// fail raises an error of the server with this SQLSTATE.
func fail(ctx context.Context, pool *db.Pool, state string) error {
	_, err := db.Exec(ctx, pool, "do $$ begin raise exception using errcode = '"+state+"'; end $$")
	return err
}

func TestLostRaceIsRetried(t *testing.T) {
	t.Parallel()
	pool := open(t, database(t))
	for _, state := range []string{"40001", "40P01"} {
		tries := 0
		err := pool.InTx(t.Context(), func(ctx context.Context) error {
			if tries++; tries < 3 {
				return fail(ctx, pool, state)
			}
			return nil
		})
		assert.NoError(t, err, state)
		assert.Equal(t, 3, tries, state)
	}
}

func TestRetryHasABudget(t *testing.T) {
	t.Parallel()
	pool := open(t, database(t))
	tries := 0
	err := pool.InTx(t.Context(), func(ctx context.Context) error {
		tries++
		return fail(ctx, pool, "40001")
	})
	assert.Equal(t, 5, tries)
	assert.True(t, errors.HasCode(err, errors.CodeServiceUnavailable), err)

	tries = 0
	err = pool.InTx(t.Context(), func(ctx context.Context) error {
		tries++
		return fail(ctx, pool, "23505")
	})
	assert.Equal(t, 1, tries, "other errors are not retried")
	assert.True(t, errors.HasCode(err, errors.CodeConflict), err)

	ctx, cancel := context.WithCancel(t.Context())
	tries = 0
	err = pool.InTx(ctx, func(ctx context.Context) error {
		tries++
		err := fail(ctx, pool, "40001")
		cancel()
		return err
	})
	assert.Equal(t, 1, tries, "nobody waits for the result any more")
	assert.Error(t, err)
}

func TestRealDeadlockIsResolved(t *testing.T) {
	t.Parallel()
	pool := open(t, database(t))
	require.NoError(t, errors.Join(insert(t.Context(), pool, 1), insert(t.Context(), pool, 2)))
	touch := func(ctx context.Context, id int) error {
		_, err := db.Exec(ctx, pool, "update items set amount = amount + 1 where id = $1", id)
		return err
	}
	both := make(chan struct{}, 2) // each has its first row before anybody asks for the second
	ready := make(chan struct{})
	results := make(chan error, 2)
	for _, order := range [][2]int{{1, 2}, {2, 1}} {
		go func() {
			first := true
			results <- pool.InTx(t.Context(), func(ctx context.Context) error {
				if err := touch(ctx, order[0]); err != nil {
					return err
				}
				if first {
					first = false
					both <- struct{}{}
					<-ready
				}
				return touch(ctx, order[1])
			})
		}()
	}
	<-both
	<-both
	close(ready)
	require.NoError(t, <-results)
	require.NoError(t, <-results)
	total, err := db.One[int](t.Context(), pool, "select sum(amount) from items")
	require.NoError(t, err)
	assert.Equal(t, 4, total, "both did all their work, once")
}

func TestTransactionOfAnotherPoolIsNotJoined(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	pool, other := open(t, dsn), open(t, dsn)
	err := pool.InTx(t.Context(), func(ctx context.Context) error {
		return errors.Join(insert(ctx, other, 1), errTest)
	})
	require.ErrorIs(t, err, errTest)
	assert.Equal(t, 1, count(t.Context(), t, pool, "items"), "the other pool's statement ran by itself")
}

func TestEndedContextIsTold(t *testing.T) {
	t.Parallel()
	pool := open(t, database(t))
	ctx, cancel := context.WithCancel(t.Context())
	err := pool.InTx(ctx, func(ctx context.Context) error {
		cancel()
		return insert(ctx, pool, 1)
	})
	assert.True(t, errors.HasCode(err, errors.CodeClientClosedRequest), err)
	err = pool.InTx(ctx, func(context.Context) error { return nil })
	assert.True(t, errors.HasCode(err, errors.CodeClientClosedRequest), err)
	assert.True(t, strings.HasPrefix(err.Error(), "begin a transaction: "), err)
}
