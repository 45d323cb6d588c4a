package env_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/env"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

func schemaOf(t testing.TB, variables string) *env.Schema {
	t.Helper()
	s, err := env.ReadSchema(strings.NewReader(`{"$schema":"env-schema/v1","version":"1.0","variables":{` + variables + `}}`))
	require.NoError(t, err)
	return s
}

func TestSchemaRules(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rules string
		good  []string
		bad   map[string]string // value to rule
	}{
		{`"type":"integer","min":1,"max":10`, []string{"1", "10", "+5"}, map[string]string{"0": "range", "11": "range", "x": "type", "1.5": "type", "0x1": "type"}},
		{`"type":"integer","min":1`, []string{"99"}, map[string]string{"-1": "range"}},
		{`"type":"integer","max":1`, []string{"-99"}, map[string]string{"2": "range"}},
		{`"type":"float","min":0.5`, []string{"0.5", "1e3"}, map[string]string{"0.4": "range", "NaN": "type", "Inf": "type"}},
		{`"type":"boolean"`, []string{"true", "NO", "on", "0"}, map[string]string{"ja": "type", "2": "type"}},
		{`"type":"url","protocols":["https"]`, []string{"https://a"}, map[string]string{"http://a": "protocols", "a": "type", "https://": "type"}},
		{`"type":"email"`, []string{"a@b.c"}, map[string]string{"a": "type", "A <a@b.c>": "type"}},
		{`"type":"path"`, []string{"/a", "b"}, map[string]string{}},
		{`"type":"duration","min":1,"max":60`, []string{"30s", "30", "1m"}, map[string]string{"500ms": "range", "2m": "range", "x": "type", "NaN": "type"}},
		{`"type":"secret","min_length":8`, []string{"k9#mQ2vX!t7Lw4@cZ8rB5nYd3Jf6Ghs1"}, map[string]string{"short": "min_length"}},
		{`"type":"string","max_length":3`, []string{"äöü"}, map[string]string{"abcd": "max_length"}},
		{`"type":"string","pattern":"[a-z]+|[0-9]"`, []string{"abc", "7"}, map[string]string{"abc1": "pattern", "77": "pattern"}},
		{`"type":"string","allowed_values":["a","b"]`, []string{"a"}, map[string]string{"c": "allowed_values"}},
	} {
		v := env.Validator{Level: env.Development, Schema: schemaOf(t, `"V":{`+tt.rules+`}`)}
		for _, value := range tt.good {
			assert.Empty(t, validate(t, v, "V='"+value+"'\n").Findings, "%s: %s", tt.rules, value)
		}
		for value, rule := range tt.bad {
			assert.Equal(t, []string{"1 V " + rule + " error"}, found(validate(t, v, "V='"+value+"'\n")), "%s: %s", tt.rules, value)
		}
	}
}

func TestSchemaRequiredAndUnknown(t *testing.T) {
	t.Parallel()
	v := env.Validator{Level: env.Development, Schema: schemaOf(t, `"HOST":{"type":"string","required":true},"PORT":{"type":"integer"}`)}
	assert.Equal(t, []string{"- HOST required error"}, found(validate(t, v, "PORT=1\n")))
	assert.Equal(t, []string{"1 HOST required error"}, found(validate(t, v, "HOST=\nPORT=\n")))
	r := validate(t, v, "HOST=h\nPROT=1\nOTHER=1\n")
	assert.Equal(t, []string{"2 PROT unknown warning", "3 OTHER unknown warning"}, found(r))
	assert.Contains(t, r.Findings[0].Message, "did you mean PORT?")
	assert.NotContains(t, r.Findings[1].Message, "did you mean")
	assert.True(t, r.Valid())
}

func TestBadSchemasAreRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		``:                  "not well-formed",
		`{`:                 "not well-formed",
		`[]`:                "the document",
		`{"version":"2.0"}`: `version must be "1.0"`,
		`{"version":"1.0","variables":{"A":{"type":"moon"}}}`:                                 "variables.A: type must be one of",
		`{"version":"1.0","variables":{"A":{"typ":"string"}}}`:                                "variables.A.typ is unknown",
		`{"version":"1.0","variables":{"A":{"type":1}}}`:                                      "variables.A.type is unknown or of the wrong type",
		`{"version":"1.0","variables":{"A":{"type":"string"},"A":{"type":"string"}}}`:         "variables.A is there twice",
		`{"version":"1.0","variables":{"A":{"type":"integer","min":2,"max":1}}}`:              "variables.A: min is above max",
		`{"version":"1.0","variables":{"A":{"type":"string","min_length":2,"max_length":1}}}`: "min_length is above max_length",
		`{"version":"1.0","variables":{"A":{"type":"string","min_length":-1}}}`:               "lengths must not be negative",
		`{"version":"1.0","variables":{"A":{"type":"string","pattern":"("}}}`:                 "pattern is not",
		`{"$schema":"https://example.com/other","version":"1.0","variables":{}}`:              `$schema must be "env-schema/v1"`,
		`{"version":"1.0","variables":{"A":{"type":"string","pattern":"\\Qabc"}}}`:            "pattern is not",
		`{"version":"1.0","variables":{"A":{"type":"string","pattern":"a)|(b"}}}`:             "pattern is not",
		`{"version":"1.0","variables":{"A":{"type":"string","min":1}}}`:                       "variables.A: min and max are for",
		`{"version":"1.0","variables":{"A":{"type":"string","protocols":["https"]}}}`:         "protocols are for a url",
		`{"version":"1.0","variables":{"A":{"type":"secret","example":"x"}}}`:                 "a secret has no example",
		`{"version":"1.0","variables":{"B":{"type":"moon"},"A":{"type":"moon"}}}`:             "variables.A: type must be",
		`{"version":"1.0","variables":{}} {}`:                                                 "not well-formed",
	} {
		_, err := env.ReadSchema(strings.NewReader(text))
		assert.ErrorContains(t, err, want, text)
	}
	_, err := env.ReadSchema(failing{})
	assert.Error(t, err)
	assert.Error(t, (&env.Schema{}).Write(failing{}))
}

// A schema that was made in Go may hold a pattern that nobody has checked.
func TestABadPatternIsAFinding(t *testing.T) {
	t.Parallel()
	v := env.Validator{Schema: &env.Schema{Variables: map[string]env.Variable{"V": {Type: "string", Pattern: `\Qabc`}}}}
	assert.Equal(t, []string{"1 V pattern error"}, found(validate(t, v, "V=abc\n")))
}

type failing struct{}

var errFailing = errors.Sentinel("broken")

func (failing) Read([]byte) (int, error)  { return 0, errFailing }
func (failing) Write([]byte) (int, error) { return 0, errFailing }

func TestInfer(t *testing.T) {
	t.Parallel()
	file := env.Parse("x", []byte(`HTTP_PORT=8080
COUNT=-3
RATIO=0.5
DEBUG=true
FLAG=1
API_KEY=canary-0123456789abcdef0123456789
DB_PASSWORD=canarycanary
KEYBOARD=qwerty
AUTHOR=Ada
DATABASE_URL=postgres://u:canary@h/db
SITE=http://example.com
CONTACT=ada@example.com
DATA=/var/lib
GREETING="hello ${DB_PASSWORD}"
TIMEOUT=30s
DELAY=-1s
EXPORT_PORT=70000
EMPTY=
NAME=
NAME=last
odd name
`))
	s := env.Infer(file)
	types := map[string]env.Type{}
	for name, v := range s.Variables {
		types[name] = v.Type
		assert.Equal(t, name != "EMPTY", v.Required)
	}
	assert.Equal(t, map[string]env.Type{
		"HTTP_PORT": "integer", "COUNT": "integer", "RATIO": "float", "DEBUG": "boolean", "FLAG": "integer", "API_KEY": "secret",
		"DB_PASSWORD": "secret", "KEYBOARD": "string", "AUTHOR": "string", "DATABASE_URL": "url", "SITE": "url", "CONTACT": "email",
		"DATA": "path", "GREETING": "string", "TIMEOUT": "duration", "DELAY": "duration", "EXPORT_PORT": "integer", "EMPTY": "string", "NAME": "string",
	}, types)
	assert.InDelta(t, 65535, *s.Variables["HTTP_PORT"].Max, 0)
	assert.Equal(t, 32, s.Variables["API_KEY"].MinLength)
	assert.Zero(t, s.Variables["DB_PASSWORD"].MinLength, "how short it is stays untold")
	assert.Equal(t, []string{"postgres", "postgresql"}, s.Variables["DATABASE_URL"].Protocols)
	assert.Equal(t, "last", s.Variables["NAME"].Example)

	var out bytes.Buffer
	require.NoError(t, s.Write(&out))
	assert.NotContains(t, out.String(), "canary")
	again, err := env.ReadSchema(bytes.NewReader(out.Bytes()))
	require.NoError(t, err)
	assert.Equal(t, s, again)
	var twice bytes.Buffer
	require.NoError(t, again.Write(&twice))
	assert.Equal(t, out.String(), twice.String())
	fulfilled := env.Validator{Level: env.Development, Schema: s}.Validate(t.Context(), file)
	for _, f := range fulfilled.Findings {
		assert.True(t, f.Severity != env.SeverityError || f.Variable == "", f.String())
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	a := env.Parse("a.env", []byte("SAME=1\nGONE=1\nPORT=1\nAPI_KEY=canary\nURL=postgres://u:canary@h/a\n"))
	b := env.Parse("b.env", []byte("NEW=1\nPORT=2\nSAME=1\nAPI_KEY=kanary\nURL=postgres://u:canary@h/b\n"))
	d := env.Compare(a, b, false)
	assert.Equal(t, env.Diff{
		File1: "a.env", File2: "b.env", Missing: []string{"GONE"}, Added: []string{"NEW"}, Changed: map[string]env.Change{
			"PORT": {"1", "2"}, "API_KEY": {"***", "***"}, "URL": {"postgres://u:[REDACTED]@h/a", "postgres://u:[REDACTED]@h/b"},
		},
	}, d)
	assert.False(t, d.Empty())
	var out bytes.Buffer
	require.NoError(t, d.WriteText(&out))
	assert.Equal(t, "- GONE\n+ NEW\n~ API_KEY: \"***\" -> \"***\"\n~ PORT: \"1\" -> \"2\"\n"+
		"~ URL: \"postgres://u:[REDACTED]@h/a\" -> \"postgres://u:[REDACTED]@h/b\"\n", out.String())
	assert.Equal(t, env.Change{Old: "canary", New: "kanary"}, env.Compare(a, b, true).Changed["API_KEY"])
	same := env.Compare(a, a, false)
	assert.True(t, same.Empty())
	out.Reset()
	require.NoError(t, same.WriteText(&out))
	assert.Equal(t, "no differences\n", out.String())
	assert.Error(t, d.WriteText(failing{}))
}

func TestValuesThatReferToSecretsAreMasked(t *testing.T) {
	t.Parallel()
	a := env.Parse("a.env", []byte("API_KEY=canary\nLINK='x'\n"))
	b := env.Parse("b.env", []byte("API_KEY=canary\nLINK=\"x/${API_KEY}\"\n"))
	assert.Equal(t, map[string]env.Change{"LINK": {Old: "x", New: "***"}}, env.Compare(a, b, false).Changed)
	require.NoError(t, a.Err())
	assert.ErrorContains(t, env.Parse("c.env", []byte("A='canary")).Err(), "line 1, column 3")
}

func FuzzReadSchema(f *testing.F) {
	f.Add(`{"version":"1.0","variables":{"A":{"type":"integer","min":1}}}`)
	f.Add(`{"version":"1.0","variables":{"A":{"type":"string","pattern":"a+"}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := env.ReadSchema(strings.NewReader(text))
		if err != nil {
			return
		}
		var out bytes.Buffer
		require.NoError(t, s.Write(&out))
		again, err := env.ReadSchema(&out)
		require.NoError(t, err)
		for name, v := range again.Variables {
			require.Equal(t, s.Variables[name].Type, v.Type)
		}
	})
}

func FuzzValidate(f *testing.F) {
	f.Add("A=1\nB='x\n")
	f.Add("API_KEY=\xff\n= \r\n\rX")
	f.Add("A_PORT=0\nB=-1s\nC=\nD\nE=HTTPS://x")
	f.Fuzz(func(t *testing.T, text string) {
		file := env.Parse("x", []byte(text))
		s := env.Infer(file)
		r := env.Validator{Schema: s}.Validate(t.Context(), file)
		for _, one := range r.Findings {
			require.NotContains(t, one.String(), "\n")
			switch one.Rule {
			case env.RuleRequired, env.RuleType, env.RuleRange, env.RuleMinLength, env.RuleProtocol:
				t.Errorf("the file does not fulfil the schema that was made from it: %s", one)
			}
		}
	})
}
