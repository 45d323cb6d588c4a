package config_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

var calls []string // in the order of Validate; TestValidatorsRunInnerFirst alone uses it

type inner struct {
	A int `env:"A" env-default:"5"`
}

func (i *inner) Validate(p *config.Problems) { calls = append(calls, "inner"); p.Range("A", i.A, 1, 9) }

type middle struct{ Inner *inner }

func (*middle) Validate(*config.Problems) { calls = append(calls, "middle") }

type outer struct {
	Middle middle
	B      int `env:"B"`
}

func (o *outer) Validate(p *config.Problems) {
	calls = append(calls, "outer")
	p.Range("B", o.B, 0, o.Middle.Inner.A)
}

func TestValidatorsRunInnerFirst(t *testing.T) {
	calls = nil
	var c outer
	_, err := config.LoadInto(t.Context(), &c, given(vars{"A": "4", "B": "4"}, nil))
	require.NoError(t, err)
	assert.Equal(t, []string{"inner", "middle", "outer"}, calls)
}

type section struct {
	config.Base
	Least   time.Duration `env:"LEAST" env-default:"1m"`
	Most    time.Duration `env:"MOST" env-default:"1h"`
	Unasked string        `env:"UNASKED"`
}

func (s *section) Validate(p *config.Problems) {
	p.Range("LEAST", s.Least, 0, 10*time.Minute)
	if p.Readable("LEAST") && s.Most < s.Least {
		p.Add("MOST", "order", "must not be less than LEAST")
	}
	if p.Environment() == config.Production && s.Unasked == "" {
		p.Add("UNASKED", "required", "is required in production")
	}
	p.Add("MOST", "order", "must not be less than LEAST")
	p.Add("ELSEWHERE", "unknown", "is of no field")
}

func TestProblemsOfValidators(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		process vars
		want    []string
	}{
		"alike are one":       {vars{"LEAST": "2h"}, []string{"ELSEWHERE unknown", "LEAST range", "MOST order"}},
		"no follow-ups":       {vars{"LEAST": "x", "MOST": "1s"}, []string{"ELSEWHERE unknown", "LEAST type", "MOST order"}},
		"all were unreadable": {vars{"LEAST": "x", "MOST": "x"}, []string{"ELSEWHERE unknown", "LEAST type", "MOST type"}},
		"in production":       {vars{"APP_ENVIRONMENT": "production"}, []string{"ELSEWHERE unknown", "MOST order", "UNASKED required"}},
		"environment unclear": {vars{"APP_ENVIRONMENT": "prod"}, []string{"ELSEWHERE unknown", "APP_ENVIRONMENT oneof", "MOST order"}},
		"debug, in production": {vars{"APP_ENVIRONMENT": "Production", "APP_DEBUG": "1", "UNASKED": "x"}, []string{
			"ELSEWHERE unknown", "APP_DEBUG production", "MOST order",
		}},
	} {
		assert.Equal(t, c.want, problems(t, &section{}, given(c.process, nil)), name)
	}
}

// A refused variable holds its default while the validators run.
func TestRefusedFieldsHoldTheDefault(t *testing.T) {
	t.Parallel()
	var c section
	_, err := config.LoadInto(t.Context(), &c, given(vars{"LEAST": "x", "LOG_LEVEL": "loud"}, nil))
	require.Error(t, err)
	assert.Equal(t, time.Minute, c.Least)
	assert.Equal(t, "info", c.LogLevel)
}

func TestRangeFormatsBoundsLikeTheValue(t *testing.T) {
	t.Parallel()
	var p config.Problems
	p.Range("A", 2*time.Hour, 0, time.Hour)
	p.Range("B", config.Bytes(1), config.KiB, config.MiB)
	p.Range("C", uint8(9), 1, 5)
	p.Range("D", 0.7, 0, 0.5)
	p.Range("E", 0.3, 0, 0.5)
	assert.Equal(t, []string{"must be in 0s..1h", "must be in 1KiB..1MiB", "must be in 1..5", "must be in 0..0.5"}, messages(&p))
	assert.Panics(t, func() { p.Range("F", "text", 0, 1) })
}

func messages(p *config.Problems) []string {
	var list []string
	for _, problem := range p.All() {
		list = append(list, problem.Message)
	}
	return list
}

func TestErrorIsAlsoAValidationError(t *testing.T) {
	t.Parallel()
	_, err := config.LoadInto(t.Context(), &section{}, given(vars{"LEAST": "canary"}, nil))
	assert.True(t, errors.HasCode(err, errors.CodeValidation))
	e, ok := errors.AsType[*config.Error](err)
	require.True(t, ok)
	assert.Equal(t, []string{"ELSEWHERE", "LEAST", "MOST"}, e.Variables())
	fields, ok := e.Validation().Details["fields"].([]errors.FieldError)
	require.True(t, ok)
	assert.Equal(t, "LEAST", fields[1].Field)
	assert.Equal(t, "type", fields[1].Rule)
	assert.NotContains(t, fields[1].Message, "canary")
}
