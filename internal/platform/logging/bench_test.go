package logging_test

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

var errBench = errors.Sentinel("connection reset by peer")

func discard(tb testing.TB) logging.Logger {
	tb.Helper()
	core, err := logging.NewCore(logging.Options{App: "notes", Environment: "testing", Output: io.Discard})
	require.NoError(tb, err)
	return logging.New(core, "app/notes")
}

func tenFields(ctx context.Context, log logging.Logger) {
	log.Info(ctx, "note_created",
		logging.String("method", "GET"), logging.String("route", "/v1/notes/:id"), logging.String("path", "/v1/notes/17"),
		logging.String("remote_ip", "203.0.113.9"), logging.String("user_agent", "curl/8.5.0"), logging.Int("status", 200),
		logging.Int("bytes", 5120), logging.Bool("cached", true), logging.Duration("duration_ms", 1234567),
		logging.Err(errBench))
}

func logrusTen(l *logrus.Logger) {
	l.WithFields(logrus.Fields{
		"method": "GET", "route": "/v1/notes/:id", "path": "/v1/notes/17", "remote_ip": "203.0.113.9",
		"user_agent": "curl/8.5.0", "status": 200, "bytes": 5120, "cached": true, "duration_ms": time.Duration(1234567),
		"error": errBench,
	}).Info("note_created")
}

func slogTen(ctx context.Context, l *slog.Logger) {
	l.LogAttrs(ctx, slog.LevelInfo, "note_created",
		slog.String("method", "GET"), slog.String("route", "/v1/notes/:id"), slog.String("path", "/v1/notes/17"),
		slog.String("remote_ip", "203.0.113.9"), slog.String("user_agent", "curl/8.5.0"), slog.Int("status", 200),
		slog.Int("bytes", 5120), slog.Bool("cached", true), slog.Duration("duration_ms", 1234567),
		slog.Any("error", errBench))
}

func plainLogrus() *logrus.Logger {
	l := logrus.New()
	l.SetOutput(io.Discard)
	l.SetFormatter(new(logrus.JSONFormatter))
	return l
}

func BenchmarkTenFields(b *testing.B) {
	ctx := context.Background()
	plain, std, ours := plainLogrus(), slog.New(slog.NewJSONHandler(io.Discard, nil)), discard(b)
	ways := []struct {
		name string
		log  func()
		best time.Duration
	}{
		{"logrus", func() { logrusTen(plain) }, time.Hour},
		{"slog", func() { slogTen(ctx, std) }, time.Hour},
		{"this", func() { tenFields(ctx, ours) }, time.Hour},
	}
	for _, way := range ways {
		b.Run(way.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				way.log()
			}
		})
	}
	// The ratios come from the best of many short rounds that take turns, which a busy machine
	// disturbs little.
	b.Run("ratio", func(b *testing.B) {
		const lines = 2000 // enough for the collector to run in each round
		for b.Loop() {
			for i := range ways {
				start := time.Now()
				for range lines {
					ways[i].log()
				}
				ways[i].best = min(ways[i].best, time.Since(start)/lines)
			}
		}
		for _, way := range ways {
			b.ReportMetric(float64(way.best.Nanoseconds()), way.name+"-ns")
		}
		b.ReportMetric(float64(ways[1].best)/float64(ways[0].best), "slog/logrus")
		b.ReportMetric(float64(ways[2].best)/float64(ways[0].best), "this/logrus")
		b.ReportMetric(0, "ns/op")
	})
}

func BenchmarkBoundFields(b *testing.B) {
	l := discard(b)
	ctx := errors.WithCorrelationID(context.Background(), "0198c5a4-7a65-7c3e-9d2b-1f6e8a0b4c5d")
	ctx = logging.Bind(ctx, logging.String("tenant_id", "t-1"), logging.String("user_id", "u-1"),
		logging.String("trace_id", "4bf92f3577b34da6a3ce929d0e0e4736"), logging.String("span_id", "00f067aa0ba902b7"))
	b.ReportAllocs()
	for b.Loop() {
		l.Info(ctx, "note_created")
	}
}

// BenchmarkTrace compares a line whose ctx has no span with one whose ctx has.
func BenchmarkTrace(b *testing.B) {
	l := discard(b)
	sc := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{0xab, 1}, SpanID: trace.SpanID{0xcd, 2}})
	for name, ctx := range map[string]context.Context{
		"none": context.Background(), "span": trace.ContextWithSpanContext(context.Background(), sc),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				l.Info(ctx, "note_created", logging.Int("n", 1))
			}
		})
	}
}

func BenchmarkDisabled(b *testing.B) {
	l, ctx := discard(b), context.Background()
	b.ReportAllocs()
	for b.Loop() {
		l.Debug(ctx, "query", logging.String("query", "select 1"), logging.Int("rows", 1), logging.Err(errBench))
	}
}

func BenchmarkOrdinaryEntry(b *testing.B) {
	core, err := logging.NewCore(logging.Options{Output: io.Discard})
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		logrusTen(core.Logger)
	}
}

func BenchmarkRedact(b *testing.B) {
	for name, text := range map[string]string{
		"ordinary": `read the note: select 3 rows: connection to 10.0.0.7 lost after 12:30:45, trying again in 5s`,
		"dsn":      `connect to postgres://app:s3cr3t@db.internal:5432/app?sslmode=require: connection refused`,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				logging.Redact(text)
			}
		})
	}
}

func TestAllocations(t *testing.T) {
	l, ctx := discard(t), context.Background()
	assert.LessOrEqual(t, testing.AllocsPerRun(1000, func() { tenFields(ctx, l) }), maxAllocs, "ten typed fields")
	assert.Zero(t, testing.AllocsPerRun(1000, func() {
		l.Debug(ctx, "query", logging.String("query", "select 1"), logging.Int("rows", 1), logging.Err(errBench))
	}), "disabled level")
	assert.Zero(t, testing.AllocsPerRun(1000, func() {
		logging.Redact("read the note: select 3 rows: connection to 10.0.0.7 lost after 12:30:45")
	}), "redaction of ordinary text")
}
