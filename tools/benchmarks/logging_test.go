package benchmarks_test

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

var errLine = errors.Sentinel("connection reset by peer")

// A line with ten fields, as each logger writes it best.

func ours(tb testing.TB) func() {
	tb.Helper()
	core, err := logging.NewCore(logging.Options{App: "service", Environment: "testing", Output: io.Discard})
	require.NoError(tb, err)
	log, ctx := logging.New(core, "app/notes"), context.Background()
	return func() {
		log.Info(ctx, "note_created",
			logging.String("method", "GET"), logging.String("route", "/v1/notes/:id"), logging.String("path", "/v1/notes/17"),
			logging.String("remote_ip", "203.0.113.9"), logging.String("user_agent", "curl/8.5.0"), logging.Int("status", 200),
			logging.Int("bytes", 5120), logging.Bool("cached", true), logging.Duration("duration_ms", 1234567), logging.Err(errLine))
	}
}

func plainLogrus() func() {
	l := logrus.New()
	l.SetOutput(io.Discard)
	l.SetFormatter(new(logrus.JSONFormatter))
	return func() {
		l.WithFields(logrus.Fields{
			"method": "GET", "route": "/v1/notes/:id", "path": "/v1/notes/17", "remote_ip": "203.0.113.9", "user_agent": "curl/8.5.0",
			"status": 200, "bytes": 5120, "cached": true, "duration_ms": time.Duration(1234567), "error": errLine,
		}).Info("note_created")
	}
}

func standardSlog() func() {
	l, ctx := slog.New(slog.NewJSONHandler(io.Discard, nil)), context.Background()
	return func() {
		l.LogAttrs(ctx, slog.LevelInfo, "note_created",
			slog.String("method", "GET"), slog.String("route", "/v1/notes/:id"), slog.String("path", "/v1/notes/17"),
			slog.String("remote_ip", "203.0.113.9"), slog.String("user_agent", "curl/8.5.0"), slog.Int("status", 200),
			slog.Int("bytes", 5120), slog.Bool("cached", true), slog.Duration("duration_ms", 1234567), slog.Any("error", errLine))
	}
}

func uberZap() func() {
	l := zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(io.Discard), zap.InfoLevel))
	return func() {
		l.Info("note_created",
			zap.String("method", "GET"), zap.String("route", "/v1/notes/:id"), zap.String("path", "/v1/notes/17"),
			zap.String("remote_ip", "203.0.113.9"), zap.String("user_agent", "curl/8.5.0"), zap.Int("status", 200),
			zap.Int("bytes", 5120), zap.Bool("cached", true), zap.Duration("duration_ms", 1234567), zap.Error(errLine))
	}
}

func zeroLog() func() {
	l := zerolog.New(io.Discard).With().Timestamp().Logger()
	return func() {
		l.Info().
			Str("method", "GET").Str("route", "/v1/notes/:id").Str("path", "/v1/notes/17").
			Str("remote_ip", "203.0.113.9").Str("user_agent", "curl/8.5.0").Int("status", 200).
			Int("bytes", 5120).Bool("cached", true).Dur("duration_ms", 1234567).Err(errLine).Msg("note_created")
	}
}

func BenchmarkLogLine(b *testing.B) {
	for _, one := range []struct {
		name string
		line func()
	}{
		{"this", ours(b)}, {"logrus", plainLogrus()}, {"slog", standardSlog()}, {"zap", uberZap()}, {"zerolog", zeroLog()},
	} {
		b.Run(one.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				one.line()
			}
		})
	}
}

// BenchmarkDisabledLevel is a line that the level leaves out, with the same fields for all.
func BenchmarkDisabledLevel(b *testing.B) {
	ctx := context.Background()
	core, err := logging.NewCore(logging.Options{Output: io.Discard})
	require.NoError(b, err)
	this := logging.New(core, "app/notes")
	lr := logrus.New()
	lr.SetOutput(io.Discard)
	standard := slog.New(slog.NewJSONHandler(io.Discard, nil))
	z := zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(io.Discard), zap.InfoLevel))
	zero := zerolog.New(io.Discard).Level(zerolog.InfoLevel)
	for _, one := range []struct {
		name string
		line func()
	}{
		{"this", func() {
			this.Debug(ctx, "query", logging.String("query", "select 1"), logging.Int("rows", 1), logging.Duration("duration_ms", 1234567))
		}},
		{"logrus", func() {
			lr.WithFields(logrus.Fields{"query": "select 1", "rows": 1, "duration_ms": time.Duration(1234567)}).Debug("query")
		}},
		{"slog", func() {
			standard.LogAttrs(ctx, slog.LevelDebug, "query", slog.String("query", "select 1"), slog.Int("rows", 1), slog.Duration("duration_ms", 1234567))
		}},
		{"zap", func() {
			z.Debug("query", zap.String("query", "select 1"), zap.Int("rows", 1), zap.Duration("duration_ms", 1234567))
		}},
		{"zerolog", func() {
			zero.Debug().Str("query", "select 1").Int("rows", 1).Dur("duration_ms", 1234567).Msg("query")
		}},
	} {
		b.Run(one.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				one.line()
			}
		})
	}
}
