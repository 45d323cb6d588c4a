package db

import (
	"context"
	"database/sql/driver"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// observer logs the statements of a pool: each at debug, slow ones as a warning. It never sees their arguments.
type observer struct {
	log  logging.Logger
	slow *atomic.Int64 // from how many nanoseconds on a statement is slow; nil or zero for no warnings
}

// ran logs a statement that has ended.
func (o observer) ran(ctx context.Context, query string, took time.Duration, rows int64, err error) {
	slow := o.isSlow(took)
	if !slow && !o.log.Enabled(logrus.DebugLevel) {
		return
	}
	fields := []logging.Field{
		logging.String("query", oneLine(query)), logging.Duration("duration_ms", took), logging.Int64("rows", rows),
	}
	if err != nil {
		fields = append(fields, logging.Err(describe(err)))
	}
	if slow {
		o.log.Warn(ctx, "query_slow", fields...)
		return
	}
	o.log.Debug(ctx, "query", fields...)
}

func (o observer) isSlow(took time.Duration) bool {
	if o.slow == nil {
		return false
	}
	limit := time.Duration(o.slow.Load())
	return limit > 0 && took >= limit
}

func oneLine(query string) string { return strings.Join(strings.Fields(query), " ") }

// rows returns r, counting, so that the statement is logged with its rows when they are closed. took is the time to the
// first answer: how long the caller takes to read is not the database's.
func (o observer) rows(ctx context.Context, r driver.Rows, query string, took time.Duration, stop func()) driver.Rows {
	full, ok := r.(pqRows)
	if !ok {
		stop()
		o.ran(ctx, query, took, 0, nil)
		return r
	}
	return &countedRows{pqRows: full, closed: func(n int64, err error) {
		stop()
		o.ran(ctx, query, took, n, err)
	}}
}

// pqRows is what lib/pq's rows can do; all of it is passed on.
type pqRows interface {
	driver.RowsNextResultSet
	driver.RowsColumnTypeScanType
	driver.RowsColumnTypeDatabaseTypeName
	driver.RowsColumnTypeLength
	driver.RowsColumnTypePrecisionScale
}

type countedRows struct {
	pqRows
	n      int64
	err    error // that ended them early
	closed func(rows int64, err error)
}

// Next implements [driver.Rows].
func (r *countedRows) Next(dest []driver.Value) error {
	err := r.pqRows.Next(dest)
	switch {
	case err == nil:
		r.n++
	case !errors.Is(err, io.EOF):
		r.err = err
	}
	return err
}

// Close implements [driver.Rows].
func (r *countedRows) Close() error {
	err := r.pqRows.Close()
	if r.closed != nil {
		r.closed(r.n, r.err)
		r.closed = nil
	}
	return err
}
