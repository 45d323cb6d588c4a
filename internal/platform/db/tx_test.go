package db_test

import (
	"context"
	"database/sql"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
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

	require.Error(t, err, "the row was not committed, so the caller must know")
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
		return nil // and the function ignores it
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

func TestNestedErrorThatIsIgnored(t *testing.T) {
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

func TestSerializationFailureIsRetried(t *testing.T) {
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

func TestEndedContextIsReported(t *testing.T) {
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

func write(pool *db.Pool, tenant uuid.UUID, text string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := db.Exec(ctx, pool, "insert into private (tenant_id, text) values ($1, $2)", tenant, text)
		return err
	}
}

// texts has no condition on the tenant on purpose: row security must add it.
func texts(ctx context.Context, t testing.TB, pool *db.Pool) (list []string) {
	t.Helper()
	require.NoError(t, pool.InTenant(ctx, func(ctx context.Context) (err error) {
		list, err = db.All[string](ctx, pool, "select text from private order by text")
		return err
	}))
	return list
}

func TestTenantsAreKeptApart(t *testing.T) {
	t.Parallel()
	pool := open(t, database(t))
	a, b := newID(t), newID(t)
	asA, asB := db.WithTenant(t.Context(), a), db.WithTenant(t.Context(), b)
	require.NoError(t, pool.InTenant(asA, write(pool, a, "a's")))
	require.NoError(t, pool.InTenant(asB, write(pool, b, "b's")))

	assert.Equal(t, []string{"a's"}, texts(asA, t, pool))
	assert.Equal(t, []string{"b's"}, texts(asB, t, pool))
	assert.Error(t, pool.InTenant(asA, write(pool, b, "smuggled")), "a row for another tenant")
	require.NoError(t, pool.InTenant(asA, func(ctx context.Context) error {
		n, err := db.Exec(ctx, pool, "update private set text = 'changed'")
		assert.EqualValues(t, 1, n, "an update reaches the own row only")
		if err == nil {
			n, err = db.Exec(ctx, pool, "delete from private")
			assert.EqualValues(t, 1, n)
		}
		return err
	}))
	assert.Equal(t, []string{"b's"}, texts(asB, t, pool))
	assert.Zero(t, count(t.Context(), t, pool, "private"), "without a tenant there is nothing")
}

func TestTenantEndsWithItsTransaction(t *testing.T) {
	t.Parallel()
	// One connection, so that what is left on it would be seen.
	pool := open(t, database(t), func(c *db.Config, _ *db.Options) { c.PoolSize = 1 })
	a := newID(t)
	require.NoError(t, pool.InTenant(db.WithTenant(t.Context(), a), write(pool, a, "a's")))
	assert.Zero(t, count(t.Context(), t, pool, "private"))
	assert.Error(t, pool.InTenant(db.WithTenant(t.Context(), a), func(context.Context) error { return errTest }))
	assert.Zero(t, count(t.Context(), t, pool, "private"))
}

func TestTenantIsNeeded(t *testing.T) {
	t.Parallel()
	pool := open(t, database(t))
	for _, ctx := range []context.Context{t.Context(), db.WithTenant(t.Context(), uuid.Nil)} {
		err := pool.InTenant(ctx, func(context.Context) error { panic("must not run") })
		assert.True(t, errors.HasCode(err, errors.CodeInternal), err)
	}
}

func TestNestedTenants(t *testing.T) {
	t.Parallel()
	pool := open(t, database(t))
	a, b, user := newID(t), newID(t), newID(t)
	asA, asB := db.WithTenant(t.Context(), a), db.WithTenant(t.Context(), b)

	require.NoError(t, pool.InTenant(asA, func(ctx context.Context) error {
		assert.NoError(t, pool.InTenant(ctx, write(pool, a, "nested")), "the same tenant joins")
		err := pool.InTenant(db.WithTenant(ctx, b), func(context.Context) error { panic("must not run") })
		assert.True(t, errors.HasCode(err, errors.CodeInternal), "another tenant is refused: %v", err)
		return nil
	}))
	assert.Equal(t, []string{"nested"}, texts(asA, t, pool))

	require.NoError(t, pool.InTx(t.Context(), func(ctx context.Context) error {
		require.NoError(t, pool.InTenant(db.WithTenant(ctx, b), write(pool, b, "b's")))
		assert.Zero(t, count(ctx, t, pool, "private"), "after the nested transaction there is no tenant again")
		assert.ErrorIs(t, pool.InTenant(db.WithTenant(ctx, b), func(context.Context) error { return errTest }), errTest)
		assert.Zero(t, count(ctx, t, pool, "private"), "nor after one that failed")
		return pool.InTenant(db.WithUser(db.WithTenant(ctx, a), user), func(ctx context.Context) error {
			assert.Equal(t, 1, count(ctx, t, pool, "private"))
			return nil
		})
	}))
	assert.Equal(t, []string{"b's"}, texts(asB, t, pool))
}

func TestUserSeesTheirOwn(t *testing.T) {
	t.Parallel()
	pool := open(t, database(t))
	a, user := newID(t), newID(t)
	require.NoError(t, pool.InTenant(db.WithTenant(t.Context(), a), func(ctx context.Context) error {
		_, err := db.Exec(ctx, pool, "insert into private (tenant_id, owner, text) values ($1, $2, 'mine')", a, user)
		return err
	}))
	require.NoError(t, pool.InTx(db.WithUser(t.Context(), user), func(ctx context.Context) error {
		assert.Equal(t, 1, count(ctx, t, pool, "private"))
		return nil
	}))
	require.NoError(t, pool.InTx(db.WithUser(t.Context(), newID(t)), func(ctx context.Context) error {
		assert.Zero(t, count(ctx, t, pool, "private"))
		return nil
	}))
}

func TestTenantTransactionTakesThreeRoundTrips(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	proxy := platformtest.NewProxy(t, platformtest.Target(t, dsn))
	pool := open(t, proxy.DSN(dsn), func(c *db.Config, _ *db.Options) { c.PoolSize = 1 })
	ctx := db.WithUser(db.WithTenant(t.Context(), newID(t)), newID(t))
	read := func() {
		require.NoError(t, pool.InTenant(ctx, func(ctx context.Context) error {
			_, err := db.All[string](ctx, pool, "select text from private where text <> $1", "x")
			return err
		}))
	}
	read() // prepares the statement
	before := proxy.RoundTrips()
	read()
	assert.EqualValues(t, 3, proxy.RoundTrips()-before, "BEGIN with the tenant, the statement, COMMIT")

	_, err := db.One[int](ctx, pool, "select $1::int", 1)
	require.NoError(t, err)
	before = proxy.RoundTrips()
	_, err = db.One[int](ctx, pool, "select $1::int", 2)
	require.NoError(t, err)
	assert.EqualValues(t, 1, proxy.RoundTrips()-before, "a statement that is prepared already")
}

// Libraries that get [db.Pool.SQL] use the driver directly.
func TestTransactionsOfTheStandardLibrary(t *testing.T) {
	t.Parallel()
	pool := open(t, database(t)).SQL()
	assert.IsType(t, &pq.Driver{}, pool.Driver())
	tx, err := pool.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	var readOnly string
	require.NoError(t, tx.QueryRowContext(t.Context(), "select current_setting('transaction_read_only')").Scan(&readOnly))
	assert.Equal(t, "off", readOnly)
	require.NoError(t, tx.Commit())
	for _, options := range []sql.TxOptions{{Isolation: sql.LevelSerializable}, {ReadOnly: true}} {
		_, err := pool.BeginTx(t.Context(), &options)
		assert.ErrorContains(t, err, "not supported", "refused, not ignored")
	}
}

func TestStatementThatCannotBePrepared(t *testing.T) {
	t.Parallel()
	pool := open(t, database(t), func(c *db.Config, _ *db.Options) { c.PoolSize = 1 })
	for range 2 {
		_, err := db.One[int](t.Context(), pool, "select x from nowhere where x = $1", 1)
		assert.Equal(t, "42P01", db.SQLState(err))
	}
	require.NoError(t, insert(t.Context(), pool, 1), "leaves the connection as it was")
}

// ran records the functions that AfterCommit has run.
type ran []string

func (r *ran) note(ctx context.Context, name string) {
	db.AfterCommit(ctx, func(context.Context) { *r = append(*r, name) })
}

func TestAfterCommit(t *testing.T) {
	t.Parallel()
	type fn = func(ctx context.Context, pool *db.Pool, r *ran) error
	tests := map[string]struct {
		fn   fn
		err  bool
		want ran
	}{
		"in order, after the function": {
			fn: func(ctx context.Context, _ *db.Pool, r *ran) error {
				r.note(ctx, "a")
				r.note(ctx, "b")
				*r = append(*r, "function")
				return nil
			},
			want: ran{"function", "a", "b"},
		},
		"not on an error": {
			fn: func(ctx context.Context, _ *db.Pool, r *ran) error {
				r.note(ctx, "a")
				return errTest
			},
			err: true,
		},
		"not when COMMIT fails": {
			fn: func(ctx context.Context, pool *db.Pool, r *ran) error {
				r.note(ctx, "a")
				_, err := db.Exec(ctx, pool, "insert into items (id, parent) values (1, 2)")
				return err
			},
			err: true,
		},
		"nested, after the outermost": {
			fn: func(ctx context.Context, pool *db.Pool, r *ran) error {
				r.note(ctx, "outer")
				err := pool.InTx(ctx, func(ctx context.Context) error {
					r.note(ctx, "inner")
					return nil
				})
				r.note(ctx, "outer again")
				*r = append(*r, "function")
				return err
			},
			want: ran{"function", "outer", "inner", "outer again"},
		},
		"not of a savepoint that was undone": {
			fn: func(ctx context.Context, pool *db.Pool, r *ran) error {
				r.note(ctx, "outer")
				_ = pool.InTx(ctx, func(ctx context.Context) error {
					r.note(ctx, "inner")
					return errTest
				})
				_ = pool.InTx(ctx, func(ctx context.Context) error {
					r.note(ctx, "overlooked")
					_ = fail(ctx, pool, "23505")
					return nil // the savepoint cannot be released
				})
				func() {
					defer func() { _ = recover() }()
					_ = pool.InTx(ctx, func(ctx context.Context) error {
						r.note(ctx, "panicked")
						panic("inner")
					})
				}()
				r.note(ctx, "outer again")
				return nil
			},
			want: ran{"outer", "outer again"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := open(t, database(t))
			var r ran
			err := pool.InTx(t.Context(), func(ctx context.Context) error { return tt.fn(ctx, pool, &r) })
			assert.Equal(t, tt.err, err != nil, err)
			assert.Equal(t, tt.want, r)
		})
	}
}

func TestAfterCommitForgetsFailedTries(t *testing.T) {
	t.Parallel()
	pool := open(t, database(t))
	var r ran
	tries := 0
	require.NoError(t, pool.InTx(t.Context(), func(ctx context.Context) error {
		tries++
		r.note(ctx, "once")
		if tries < 3 {
			return fail(ctx, pool, "40001")
		}
		return nil
	}))
	assert.Equal(t, 3, tries)
	assert.Equal(t, ran{"once"}, r)
}

func TestAfterCommitHasNoTransactionButItsValues(t *testing.T) {
	t.Parallel()
	pool := open(t, database(t), func(c *db.Config, _ *db.Options) { c.PoolSize = 1 })
	tenant := newID(t)
	ctx, cancel := context.WithCancel(db.WithTenant(t.Context(), tenant))
	calls := 0
	check := func(ctx context.Context) {
		calls++
		cancel() // the client goes away
		assert.NoError(t, ctx.Err())
		assert.Equal(t, 1, count(ctx, t, pool, "items"), "the row is there, and the connection is free")
		assert.NoError(t, pool.InTenant(ctx, write(pool, tenant, "after")), "the tenant is there")
		var r ran
		r.note(ctx, "at once")
		assert.Equal(t, ran{"at once"}, r)
	}
	require.NoError(t, pool.InTx(ctx, func(ctx context.Context) error {
		db.AfterCommit(ctx, check)
		return insert(ctx, pool, 1)
	}))
	db.AfterCommit(ctx, check)
	assert.Equal(t, 2, calls, "after the transaction, and at once without one")
}

func TestAfterCommitOutlivesAPanic(t *testing.T) {
	t.Parallel()
	record, log := newRecorder(t)
	pool := open(t, database(t), func(_ *db.Config, o *db.Options) { o.Log = log })
	var r ran
	err := pool.InTx(t.Context(), func(ctx context.Context) error {
		db.AfterCommit(ctx, func(context.Context) { panic("after") })
		r.note(ctx, "next")
		return insert(ctx, pool, 1)
	})
	require.NoError(t, err, "it is committed")
	assert.Equal(t, 1, count(t.Context(), t, pool, "items"))
	assert.Equal(t, ran{"next"}, r)
	raised := record.events(t, "exception_raised")
	require.Len(t, raised, 1)
	assert.Contains(t, raised[0]["error"], "panic: after")
}

func TestAfterCommitWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	proxy := platformtest.NewProxy(t, platformtest.Target(t, dsn))
	pool := open(t, proxy.DSN(dsn))
	var r ran
	err := pool.InTx(t.Context(), func(ctx context.Context) error {
		r.note(ctx, "a")
		err := insert(ctx, pool, 1)
		proxy.Cut()
		return err
	})
	assert.True(t, errors.HasCode(err, errors.CodeServiceUnavailable), err)
	assert.Empty(t, r)
}

func TestAfterCommitBelongsToTheTransactionOfItsPool(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	pool, other := open(t, dsn), open(t, dsn)
	var r ran
	err := pool.InTx(t.Context(), func(ctx context.Context) error {
		require.NoError(t, other.InTx(ctx, func(ctx context.Context) error {
			r.note(ctx, "other")
			return nil
		}))
		assert.Equal(t, ran{"other"}, r, "another pool's transaction is one of its own")
		return errTest
	})
	assert.ErrorIs(t, err, errTest)
}

func TestInTenantReturnsValue(t *testing.T) {
	t.Parallel()
	pool, tenant := open(t, database(t)), uuid.New()
	get := func(ctx context.Context) (string, error) {
		return db.One[string](ctx, pool, "select current_setting('app.tenant_id')")
	}
	got, err := db.InTenant(db.WithTenant(t.Context(), tenant), pool, get)
	require.NoError(t, err)
	assert.Equal(t, tenant.String(), got)
	_, err = db.InTenant(t.Context(), pool, get)
	require.Error(t, err, "a context without a tenant")
}
