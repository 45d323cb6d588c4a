package llm_test

import (
	"context"
	"io"
	"iter"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/llm"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// trivial answers at once, with so many events.
type trivial int

func (trivial) Info() llm.Info { return llm.Info{Provider: "openai", Model: "gpt-5"} }

func (trivial) Generate(context.Context, *llm.Request) (*llm.Response, error) {
	return &llm.Response{Text: "hello", Result: llm.Result{Usage: llm.Usage{Input: 10, Output: 5}}}, nil
}

func (n trivial) Stream(context.Context, *llm.Request) iter.Seq2[llm.Event, error] {
	return func(yield func(llm.Event, error) bool) {
		for range n {
			if !yield(llm.Event{Text: "word "}, nil) {
				return
			}
		}
		yield(llm.Event{Result: &llm.Result{Usage: llm.Usage{Input: 10, Output: 5}}}, nil)
	}
}

// providers returns an adapter and a chain of it.
func providers(t testing.TB, events int) map[string]llm.Provider {
	t.Helper()
	core, err := logging.NewCore(logging.Options{App: "test", Environment: "test", Output: io.Discard})
	require.NoError(t, err)
	p, err := llm.LoadPrices("")
	require.NoError(t, err)
	c, err := llm.NewChain([]llm.Adapter{trivial(events)},
		llm.ChainOptions{Config: defaults, Prices: p, Log: logging.New(core, "platform/llm")})
	require.NoError(t, err)
	return map[string]llm.Provider{"direct": trivial(events), "chain": c}
}

func BenchmarkGenerate(b *testing.B) {
	for name, p := range providers(b, 0) {
		b.Run(name, func(b *testing.B) {
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Generate(ctx, question); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkStreamEvent measures one event of a long stream.
func BenchmarkStreamEvent(b *testing.B) {
	const events = 10_000
	for name, p := range providers(b, events) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for done := 0; done < b.N; done += events {
				for _, err := range p.Stream(b.Context(), question) {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
