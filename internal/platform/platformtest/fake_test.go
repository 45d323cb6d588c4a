package platformtest

import (
	"context"
	"fmt"
	"runtime"
	"testing"
)

// fakeTB is a test that may fail without failing the one that runs it.
type fakeTB struct {
	testing.TB
	ctx      context.Context
	failed   bool
	log      string
	cleanups []func()
}

func (f *fakeTB) Helper()                  {}
func (f *fakeTB) Context() context.Context { return f.ctx }
func (f *fakeTB) Failed() bool             { return f.failed }
func (f *fakeTB) Cleanup(fn func())        { f.cleanups = append(f.cleanups, fn) }

func (f *fakeTB) Logf(format string, args ...any) { f.log += fmt.Sprintf(format, args...) + "\n" }

func (f *fakeTB) Errorf(format string, args ...any) {
	f.failed = true
	f.Logf(format, args...)
}

func (f *fakeTB) Fatalf(format string, args ...any) {
	f.Errorf(format, args...)
	runtime.Goexit()
}

// try runs what a test would do, its cleanups included, and returns the test.
func try(t *testing.T, body func(tb *fakeTB)) *fakeTB {
	t.Helper()
	f := &fakeTB{TB: t, ctx: t.Context()}
	done := make(chan struct{})
	go func() {
		defer close(done)
		body(f)
	}()
	<-done
	for i := len(f.cleanups) - 1; i >= 0; i-- {
		f.cleanups[i]()
	}
	return f
}
