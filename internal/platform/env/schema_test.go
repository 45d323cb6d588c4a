package env_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/env"
)

func schemaOf(t testing.TB, variables string) *env.Schema {
	t.Helper()
	s, err := env.ParseSchema([]byte(`{"$schema":"env-schema/v1","version":"1.0","variables":{` + variables + `}}`))
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
	assert.True(t, r.Valid)
}

func TestInvalidSchemasAreRejected(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		``:                  "invalid JSON",
		`{`:                 "invalid JSON",
		`[]`:                "the document",
		`{"version":"2.0"}`: `version must be "1.0"`,
		`{"version":"1.0","variables":{"A":{"type":"moon"}}}`:                                 "variables.A: type must be one of",
		`{"version":"1.0","variables":{"A":{"typ":"string"}}}`:                                "variables.A.typ is unknown",
		`{"version":"1.0","variables":{"A":{"type":1}}}`:                                      "variables.A.type is unknown or has the wrong type",
		`{"version":"1.0","variables":{"A":{"type":"string"},"A":{"type":"string"}}}`:         "variables.A is defined twice",
		`{"version":"1.0","variables":{"A":{"type":"integer","min":2,"max":1}}}`:              "variables.A: min must not be above max",
		`{"version":"1.0","variables":{"A":{"type":"string","min_length":2,"max_length":1}}}`: "min_length must not be above max_length",
		`{"version":"1.0","variables":{"A":{"type":"string","min_length":-1}}}`:               "min_length and max_length must not be negative",
		`{"version":"1.0","variables":{"A":{"type":"string","pattern":"("}}}`:                 "pattern must be",
		`{"$schema":"https://example.com/other","version":"1.0","variables":{}}`:              `$schema must be "env-schema/v1"`,
		`{"version":"1.0","variables":{"A":{"type":"string","pattern":"a)|(b"}}}`:             "pattern must be",
		`{"version":"1.0","variables":{"A":{"type":"string","min":1}}}`:                       "variables.A: min and max need",
		`{"version":"1.0","variables":{"A":{"type":"string","protocols":["https"]}}}`:         "protocols need the type url",
		`{"version":"1.0","variables":{"A":{"type":"secret","example":"x"}}}`:                 "a secret must not have an example",
		`{"version":"1.0","variables":{"B":{"type":"moon"},"A":{"type":"moon"}}}`:             "variables.A: type must be",
		`{"version":"1.0","variables":{}} {}`:                                                 "invalid JSON",
	} {
		_, err := env.ParseSchema([]byte(text))
		assert.ErrorContains(t, err, want, text)
	}
}

// A schema that was not parsed may contain an invalid pattern.
func TestInvalidPatternIsAFinding(t *testing.T) {
	t.Parallel()
	v := env.Validator{Schema: &env.Schema{Variables: map[string]env.Variable{"V": {Type: "string", Pattern: `(`}}}}
	assert.Equal(t, []string{"1 V pattern error"}, found(validate(t, v, "V=abc\n")))
}

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
	assert.Zero(t, s.Variables["DB_PASSWORD"].MinLength, "the length is not revealed")
	assert.Equal(t, []string{"postgres", "postgresql"}, s.Variables["DATABASE_URL"].Protocols)
	assert.Equal(t, "last", s.Variables["NAME"].Example)

	text, err := json.Marshal(s)
	require.NoError(t, err)
	assert.NotContains(t, string(text), "canary")
	again, err := env.ParseSchema(text)
	require.NoError(t, err)
	assert.Equal(t, s, again)
	for _, f := range (env.Validator{Level: env.Development, Schema: s}).Validate(t.Context(), file).Findings {
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
			"PORT": {new("1"), new("2"), false}, "API_KEY": {new("***"), new("***"), true}, "URL": {new("postgres://u:[REDACTED]@h/a"), new("postgres://u:[REDACTED]@h/b"), false},
		},
	}, d)
	assert.False(t, d.Empty())
	assert.Equal(t, "- GONE\n+ NEW\n~ API_KEY: \"***\" -> \"***\" (the secret differs)\n~ PORT: \"1\" -> \"2\"\n"+
		"~ URL: \"postgres://u:[REDACTED]@h/a\" -> \"postgres://u:[REDACTED]@h/b\"\n", d.String())
	assert.Equal(t, env.Change{Old: new("canary"), New: new("kanary")}, env.Compare(a, b, true).Changed["API_KEY"])
	same := env.Compare(a, a, false)
	assert.True(t, same.Empty())
	assert.Equal(t, "no differences\n", same.String())
}

func TestValuesThatContainSecretsAreMasked(t *testing.T) {
	t.Parallel()
	a := env.Parse("a.env", []byte("API_KEY=canary\nLINK='x'\n"))
	b := env.Parse("b.env", []byte("API_KEY=canary\nLINK=\"x/${API_KEY}\"\n"))
	assert.Equal(t, map[string]env.Change{"LINK": {Old: new("x"), New: new("***")}}, env.Compare(a, b, false).Changed)
	require.NoError(t, a.Err())
	assert.ErrorContains(t, env.Parse("c.env", []byte("A='canary")).Err(), "line 1, column 3")
}

func TestValuesUnderUnknownNamesAreHidden(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"FIELD_KEY", "HASH_SALT", "ROOT_PW", "BOT_TOKEN", "APP_PEPPER", "STRIPE_KEY_LIVE", "DB_PIN", "LICENSE", "fieldKey", "KEY_2"} {
		a, b := env.Parse("a", []byte(name+"=canary\nLINK=x\n")), env.Parse("b", []byte(name+"=canary2\nLINK=x-canary2\n"))
		d, err := json.Marshal([]any{env.Compare(a, b, false), env.Infer(a), env.Infer(b), env.Compare(a, b, false).String()})
		require.NoError(t, err)
		assert.NotContains(t, string(d), "canary", name)
	}
	a := env.Parse("a", []byte("THING=9f86d081884c7d659a2feaa0c55ad015\n"))
	assert.Equal(t, "***", *env.Compare(a, env.Parse("b", []byte("THING=x\n")), false).Changed["THING"].Old)
	assert.Empty(t, env.Infer(a).Variables["THING"].Example)
	a = env.Parse("a", []byte("ALLOW_EMPTY_PASSWORD=true\nJWT_TTL=30m\nDEBUG=true\nTOKEN_LIMIT=5\n"))
	assert.Equal(t, "~ ALLOW_EMPTY_PASSWORD: \"true\" -> \"false\"\n~ DEBUG: \"true\" -> \"false\"\n~ JWT_TTL: \"30m\" -> \"15m\"\n",
		env.Compare(a, env.Parse("b", []byte("ALLOW_EMPTY_PASSWORD=false\nJWT_TTL=15m\nDEBUG=false\nTOKEN_LIMIT=5\n")), false).String())
	assert.Equal(t, env.TypeDuration, env.Infer(a).Variables["JWT_TTL"].Type)
}

func TestCompareSaysWhereSecretsDiffer(t *testing.T) {
	t.Parallel()
	for lines, want := range map[[2]string]string{
		{"FOO", "FOO="}:                              "~ FOO: no value -> \"\"\n",
		{"FOO=", "FOO"}:                              "~ FOO: \"\" -> no value\n",
		{"FOO", "FOO"}:                               "no differences\n",
		{"API_KEY=canary", "API_KEY="}:               "~ API_KEY: \"***\" -> \"\"\n",
		{"API_KEY=canary", "API_KEY"}:                "~ API_KEY: \"***\" -> no value\n",
		{"API_KEY=canary", "API_KEY=canary2"}:        "~ API_KEY: \"***\" -> \"***\" (the secret differs)\n",
		{"U=https://u:canary@h", "U=https://u:x9@h"}: "~ U: \"https://u:[REDACTED]@h\" -> \"https://u:[REDACTED]@h\" (the secret differs)\n",
		{"U=https://u:canary@h", "U=https://u:x9@i"}: "~ U: \"https://u:[REDACTED]@h\" -> \"https://u:[REDACTED]@i\" (the secret differs)\n",
		{"U=https://u:x9@h", "U=https://u:x9@i"}:     "~ U: \"https://u:[REDACTED]@h\" -> \"https://u:[REDACTED]@i\"\n",
		{"A=b\u202ec", "A='b\x1b'"}:                  "~ A: \"b\\u202ec\" -> \"b\\x1b\"\n",
		{"Ä=canary", "Ä=canary2"}:                    "~ (line 1): \"***\" -> \"***\" (the secret differs)\n",
	} {
		d := env.Compare(env.Parse("a", []byte(lines[0]+"\n")), env.Parse("b", []byte(lines[1]+"\n")), false)
		assert.Equal(t, want, d.String(), lines)
	}
	text, err := json.Marshal(env.Compare(env.Parse("a", []byte("FOO\n")), env.Parse("b", []byte("FOO=\n")), false).Changed)
	require.NoError(t, err)
	assert.JSONEq(t, `{"FOO":{"old":null,"new":""}}`, string(text))
}

func FuzzParseSchema(f *testing.F) {
	f.Add(`{"version":"1.0","variables":{"A":{"type":"integer","min":1}}}`)
	f.Add(`{"version":"1.0","variables":{"A":{"type":"string","pattern":"a+"}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := env.ParseSchema([]byte(text))
		if err != nil {
			return
		}
		written, err := json.Marshal(s)
		require.NoError(t, err)
		again, err := env.ParseSchema(written)
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
			case "required", "type", "range", "min_length", "protocols":
				t.Errorf("the file does not satisfy the schema inferred from it: %s", one)
			}
		}
	})
}
