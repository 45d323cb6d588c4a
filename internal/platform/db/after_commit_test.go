package db_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

// ran notes what AfterCommit has run.
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

func TestAfterCommitForgetsLostTries(t *testing.T) {
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
	proxy := platformtest.NewProxy(t, hostOf(t, dsn))
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
