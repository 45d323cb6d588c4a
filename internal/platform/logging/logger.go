package logging

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"
)

// Logger writes events under one name. It is a small value to be copied, and safe for concurrent
// use. The zero value writes to the default core under the name "default". No method fails or
// panics; a nil ctx counts as an empty one.
//
// An event is a constant in snake_case that says what happened, such as note_created. What varies
// belongs in fields.
type Logger struct {
	core *Core // nil for the default core
	name string
}

// New returns a logger that writes to core, for tests and for programs with more than one log. A
// nil core means the default one.
func New(core *Core, name string) Logger { return Logger{core: core, name: name} }

// IsZero reports whether l is the zero value.
func (l Logger) IsZero() bool { return l == Logger{} }

// Debug logs details for developers.
func (l Logger) Debug(ctx context.Context, event string, fields ...Field) {
	l.Log(ctx, logrus.DebugLevel, event, fields...)
}

// Info logs a normal event.
func (l Logger) Info(ctx context.Context, event string, fields ...Field) {
	l.Log(ctx, logrus.InfoLevel, event, fields...)
}

// Warn logs an event that may need attention.
func (l Logger) Warn(ctx context.Context, event string, fields ...Field) {
	l.Log(ctx, logrus.WarnLevel, event, fields...)
}

// Error logs a failure.
func (l Logger) Error(ctx context.Context, event string, fields ...Field) {
	l.Log(ctx, logrus.ErrorLevel, event, fields...)
}

// Critical logs a failure that keeps the service from working. It returns: ending the process is up
// to main.
func (l Logger) Critical(ctx context.Context, event string, fields ...Field) {
	l.Log(ctx, levelCritical, event, fields...)
}

// Audit logs an event for auditors at info, with the field audit=true. It is never sampled.
func (l Logger) Audit(ctx context.Context, event string, fields ...Field) {
	l.Log(ctx, logrus.InfoLevel, event, append([]Field{auditField}, fields...)...)
}

// AuditWarn is [Logger.Audit] at warning, for requests that were refused or look like an attack.
func (l Logger) AuditWarn(ctx context.Context, event string, fields ...Field) {
	l.Log(ctx, logrus.WarnLevel, event, append([]Field{auditField}, fields...)...)
}

var auditField = Bool("audit", true)

// Enabled reports whether lines of this level are written, for callers whose fields are expensive
// to make.
func (l Logger) Enabled(level logrus.Level) bool { return l.target().IsLevelEnabled(level) }

// Log logs at a level that is known only at run time.
//
//nolint:contextcheck // it replaces nil
func (l Logger) Log(ctx context.Context, level logrus.Level, event string, fields ...Field) {
	core := l.target()
	if !core.IsLevelEnabled(level) {
		return
	}
	if ctx == nil {
		ctx = context.Background()
	}
	core.log(ctx, head{time.Now(), level, cmp.Or(l.name, "default"), event}, fields)
}

func (l Logger) target() *Core { return cmp.Or(l.core, defaultCore.Load(), fallback) }

// Options configure a core. The zero value writes JSON to standard error from info. Sample does not
// apply to lines from error on, to audit lines and to entries that are logged through logrus itself.
type Options struct {
	App         string        // in every line as app
	Environment string        // in every line as environment
	Level       string        // debug, info, warning (or warn), error, critical in any case; "" is info
	Format      string        // json or console in any case; "" is json
	Output      io.Writer     // nil is standard error
	LineLimit   int           // bytes of a line, 4,000 to 65,536; zero is 16,000
	Sample      int           // lines of an event in a second, beyond which one in 100 is written; zero is no limit
	Hooks       []logrus.Hook // see [Core]
}

// Core formats lines and writes them to one output. SetLevel may be called at any time.
//
// The embedded logrus logger is for libraries that want one. Its entries get the format and the
// redaction of this package, and its Fatal methods do not end the process. Hooks see the fields of
// every line of their levels in the entry's Data, redacted and decoded from JSON with numbers as
// json.Number, and may change them. Hooks, formatter and output are fixed by [NewCore]: AddHook,
// SetFormatter and SetOutput of the embedded logger affect only entries that are logged through
// logrus itself.
type Core struct {
	*logrus.Logger

	format  *formatter
	out     *output
	sampler *sampler          // nil writes every line
	hooks   logrus.LevelHooks // as given to NewCore
}

// NewCore returns a core. An unknown level or format, and a LineLimit out of range, is an error.
func NewCore(o Options) (*Core, error) {
	level, err := parseLevel(o.Level)
	if err != nil {
		return nil, err
	}
	if o.LineLimit != 0 && (o.LineLimit < minLine || o.LineLimit > maxLine) {
		return nil, fmt.Errorf("the limit of a log line must be between %d and %d bytes", minLine, maxLine)
	}
	out := o.Output
	if out == nil {
		out = os.Stderr
	}
	f := newFormatter(o)
	switch strings.ToLower(o.Format) {
	case "", "json":
	case "console":
		f.console, f.color = true, wantsColor(out)
	default:
		return nil, fmt.Errorf("the log format must be json or console")
	}
	core := newCore(newOutput(out, f), level)
	if o.Sample > 0 {
		core.sampler = &sampler{limit: o.Sample, events: make(map[sampleKey]*sample)}
	}
	for _, hook := range o.Hooks {
		core.AddHook(hook)
		core.hooks.Add(hook)
	}
	return core, nil
}

func newCore(out *output, level logrus.Level) *Core {
	core := &Core{Logger: logrus.New(), format: out.format, out: out, hooks: make(logrus.LevelHooks)}
	core.SetOutput(out)
	core.SetFormatter(out.format)
	core.SetLevel(level)
	core.ExitFunc = func(int) {} // logging does not end the process
	return core
}

// log writes one line of an enabled level.
//
//nolint:contextcheck // lines about dropped lines and the output have no ctx, and hooks have seen its fields
func (c *Core) log(ctx context.Context, h head, call []Field) {
	if c.sampler != nil && h.event != linesDropped {
		write, dropped := c.sample(h, call)
		if !write {
			return
		}
		if dropped > 0 {
			call = append(slices.Clip(call), Int64(droppedCount, dropped))
		}
	}
	noRoomFor := 0
	if len(c.hooks[h.level]) > 0 {
		call, noRoomFor = c.fireHooks(ctx, h, call)
		ctx = context.Background()
	}
	l := newLine(c.format.limit)
	l.dropped = noRoomFor
	c.format.line(ctx, l, h, call)
	_, _ = c.out.Write(l.b)
	l.release()
}

// fireHooks calls the hooks of the level with an entry whose Data has the fields of the line. It
// returns the fields as the hooks leave them, hook_error where one fails or panics, and the number
// of fields for which there was no room.
func (c *Core) fireHooks(ctx context.Context, h head, call []Field) (fields []Field, dropped int) {
	l := newLine(c.format.limit)
	defer l.release()
	l.fields(ctx, call)
	e := &logrus.Entry{Logger: c.Logger, Context: ctx, Time: h.time, Level: h.level, Message: h.event}
	e.Data = logrus.Fields{"logger": h.logger}
	var names []string
	for name, value := range members(l.b) {
		e.Data[name] = decode(value)
		names = append(names, name)
	}
	var problem string
	defer func() {
		if r := recover(); r != nil {
			problem = panicText(r)
		}
		data := maps.Clone(e.Data)
		delete(data, "logger")
		if problem != "" {
			data["hook_error"] = problem
		}
		if dropped = l.dropped; dropped > 0 {
			delete(data, droppedKey.name)
		}
		fields = fieldsOf(data, names)
	}()
	if err := c.hooks.Fire(h.level, e); err != nil {
		problem = err.Error()
	}
	return nil, 0 // set above
}

// fieldsOf returns the fields of an entry: those in names first, then the others, sorted.
func fieldsOf(data logrus.Fields, names []string) []Field {
	fields := make([]Field, 0, len(data))
	for _, name := range names {
		if v, ok := data[name]; ok {
			fields = append(fields, Any(name, v))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(data)) {
		if !slices.Contains(names, name) {
			fields = append(fields, Any(name, data[name]))
		}
	}
	return fields
}

// formatter makes the lines of a core. It is immutable but for its cache.
type formatter struct {
	tail    string // ,"app":"…","environment":"…"
	limit   int    // bytes of a line
	console bool
	color   bool

	heads [512]atomic.Pointer[preparedHead]
}

// preparedHead is what the lines of an event have in common, as JSON: level to environment.
type preparedHead struct {
	level               logrus.Level
	event, logger, json string
}

// foreignLogger is the logger of entries that others log through logrus, with messages of any kind.
const foreignLogger = "logrus"

// head holds the members that every line begins with.
type head struct {
	time   time.Time
	level  logrus.Level
	logger string
	event  string
}

func newFormatter(o Options) *formatter {
	limit := cmp.Or(o.LineLimit, defaultLine)
	l := newLine(limit / 4)
	defer l.release()
	l.b = append(l.b, `,"app":`...)
	l.text(o.App)
	l.b = append(l.b, `,"environment":`...)
	l.text(o.Environment)
	return &formatter{tail: string(l.b), limit: limit}
}

// line appends the line of an event to l.
func (f *formatter) line(ctx context.Context, l *line, h head, call []Field) {
	if f.console {
		f.consoleLine(ctx, l, h, call)
		return
	}
	l.b = append(l.b, `{"time":`...)
	l.time(h.time)
	f.head(l, h)
	l.fields(ctx, call)
	l.b = append(l.b, '}', '\n')
}

// head appends the members from level to environment. The cache keeps those that come first: made
// anew for each line, they would be a tenth of its cost.
func (f *formatter) head(l *line, h head) {
	place := &f.heads[(hash(h.event)+hash(h.logger)+uint32(h.level))%uint32(len(f.heads))]
	p := place.Load()
	if p != nil && p.event == h.event && p.logger == h.logger && p.level == h.level {
		l.b = append(l.b, p.json...)
		return
	}
	start := len(l.b)
	l.b = append(l.b, `,"level":"`...)
	l.b = append(l.b, levelOf(h.level).name...)
	l.b = append(l.b, `","event":`...)
	l.text(h.event)
	l.b = append(l.b, `,"logger":`...)
	l.text(h.logger)
	l.b = append(l.b, f.tail...)
	if p == nil && h.logger != foreignLogger && len(h.event)+len(h.logger) <= maxKey {
		place.Store(&preparedHead{h.level, strings.Clone(h.event), h.logger, string(l.b[start:])})
	}
}

// Format returns the line of an entry that was logged through logrus, usually by a library. It
// never fails.
func (f *formatter) Format(e *logrus.Entry) ([]byte, error) {
	ctx := e.Context
	if ctx == nil {
		ctx = context.Background()
	}
	l := newLine(f.limit)
	defer l.release()
	f.line(ctx, l, head{e.Time, e.Level, foreignLogger, e.Message}, fieldsOf(e.Data, nil))
	return bytes.Clone(l.b), nil
}

var (
	fallback    = newCore(newOutput(os.Stderr, newFormatter(Options{})), logrus.InfoLevel)
	defaultCore atomic.Pointer[Core]
)

// SetDefault makes core the one that the loggers of [For] and the zero [Logger] write to, existing
// ones included. A nil core restores the first one, which writes JSON to standard error from info.
// It may be called at any time.
func SetDefault(core *Core) { defaultCore.Store(core) }

// SetLevel changes the level of the default core: debug, info, warning (or warn), error, critical
// in any case. An unknown level is an error and changes nothing. It may be called at any time.
func SetLevel(name string) error {
	level, err := parseLevel(name)
	if err == nil {
		Logger{}.target().SetLevel(level)
	}
	return err
}

// levelCritical is the fatal level of logrus, used as a severity only: [logrus.Entry.Log] does not
// exit.
const levelCritical = logrus.FatalLevel

// levels holds names and console colors by level. Panic and trace occur only in entries of other
// users of logrus.
var levels = [...]levelFormat{
	logrus.PanicLevel: {"critical", "\x1b[1;35m"},
	logrus.FatalLevel: {"critical", "\x1b[1;35m"},
	logrus.ErrorLevel: {"error", "\x1b[31m"},
	logrus.WarnLevel:  {"warning", "\x1b[33m"},
	logrus.InfoLevel:  {"info", "\x1b[32m"},
	logrus.DebugLevel: {"debug", "\x1b[36m"},
}

type levelFormat struct{ name, color string }

func levelOf(level logrus.Level) levelFormat { return levels[min(level, logrus.DebugLevel)] }

// parseLevel returns the level of a name; see [Options].
func parseLevel(name string) (logrus.Level, error) {
	name = cmp.Or(strings.ToLower(name), "info")
	if name == "warn" {
		name = "warning"
	}
	for level := levelCritical; level <= logrus.DebugLevel; level++ {
		if levels[level].name == name {
			return level, nil
		}
	}
	return 0, fmt.Errorf("the log level must be debug, info, warning, error or critical")
}

// For returns the logger of the calling package. Its name is the import path from internal/ on,
// such as platform/db or app/notes, otherwise the last two elements of the path, such as cmd/api.
// Call it once for a package:
//
//	var log = logging.For()
func For() Logger {
	pc, file, _, _ := runtime.Caller(1)
	return Logger{name: packageName(runtime.FuncForPC(pc).Name(), file)}
}

// packageName returns the logger name for a function's full name and file. Functions of every
// package main have the path main, so there the directory of the file counts.
func packageName(function, file string) string {
	slash := strings.LastIndexByte(function, '/') + 1
	last, _, _ := strings.Cut(function[slash:], ".")
	importPath := function[:slash] + last
	if importPath == "main" {
		importPath = path.Dir(file)
	}
	if plain, err := url.PathUnescape(importPath); err == nil { // the linker escapes dots in the last element
		importPath = plain
	}
	importPath = strings.TrimSuffix(importPath, "_test")
	if i := strings.LastIndex("/"+importPath, "/internal/"); i >= 0 {
		return importPath[i+len("internal/"):]
	}
	parent, last := path.Split(importPath)
	return path.Join(path.Base(parent), last)
}
