package env_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/env"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

const random = "k9#mQ2vX!t7Lw4@cZ8rB5nYd3Jf6Ghs1"

func TestLint(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text string
		want []string
	}{
		"nothing wrong":   {"# comment\nA=1\nexport B='two words'\nC=\"a  \nb  \nc\"\n", []string{}},
		"= in a comment":  {"A # b = c\n", []string{"1 A no_value warning"}},
		"empty":           {"", []string{"-  empty_file warning"}},
		"comments alone":  {"# A=1\n", []string{"-  empty_file warning"}},
		"duplicate":       {"A=1\nB=2\nA=3\n", []string{"3 A duplicate_key warning"}},
		"bad character":   {"A-B=1\nA.C=1\nÄ=1\n", []string{"1 A-B bad_character warning", "2 A.C bad_character warning", "3  bad_character warning"}},
		"leading digit":   {"1A=1\n", []string{"1 1A leading_digit warning"}},
		"lowercase":       {"Debug=1\n", []string{"1 Debug lowercase_name warning"}},
		"no value":        {"A\n", []string{"1 A no_value warning"}},
		"space around":    {"A =1\nB= 1\nC = 1\n", []string{"1 A space_around warning", "2 B space_around warning", "3 C space_around warning"}},
		"trailing space":  {"A=1 \nB=2\t\nC='x' \n", []string{"1 A trailing_space warning", "2 B trailing_space warning", "3 C trailing_space warning"}},
		"no final end":    {"A=1", []string{"1  no_final_newline warning"}},
		"mixed line ends": {"A=1\r\nB=2\n", []string{"1  mixed_line_ends warning"}},
		"CRLF":            {"A=1\r\nB=2\r\n", []string{}},
		"syntax":          {"=1\nA=\"x\n", []string{"1  name error", "2  quote error"}},
		"not UTF-8":       {"A=\xff \n", []string{"1  encoding error"}},
		"UTF-16":          {"\xff\xfeA\x00", []string{"1  encoding error"}},
	} {
		r := validate(t, env.Validator{Level: env.Development}, tt.text)
		assert.Equal(t, tt.want, found(r), name)
		assert.Equal(t, !strings.Contains(strings.Join(tt.want, ""), "error"), r.Valid(), name)
	}
}

func TestSecurityByLevel(t *testing.T) {
	t.Parallel()
	none := []string{"", "", ""}
	bad := []string{"warning", "error", "error"}
	risky := []string{"", "warning", "error"}
	always := []string{"error", "error", "error"}
	for line, tt := range map[string]struct {
		rule   string
		levels []string
	}{
		"API_KEY=changeme":                            {"placeholder", bad},
		"API_KEY=<your-key-here>":                     {"placeholder", bad},
		"API_KEY=k9#mQ2vX!t7Lw4":                      {"short_secret", bad},
		"DB_PASSWORD=k9#mQ2vX!t7":                     {"short_secret", bad},
		"DB_PASSWORD=k9#mQ2vX!t7Lw4@c":                {"", none},
		"API_KEY=" + random:                           {"", none},
		"API_KEY=" + strings.Repeat("abcde", 8):       {"weak_secret", bad},
		"API_KEY=":                                    {"", none},
		"SECRET_URL=postgres://u:changeme@h/db":       {"placeholder", bad},
		"SECRET_URL=postgres://u:k9mQ2vXt7@h/db":      {"", none},
		"DATABASE_URL=postgres://u:changeme@/d":       {"placeholder", bad},
		"DATABASE_URL=postgres://h/d?password=secret": {"placeholder", bad},
		"DATABASE_URL='host=h password=changeme'":     {"placeholder", bad},
		"DATABASE_URL='host=h password=k9mQ2vXt7'":    {"", none},
		"AUTH_COOKIE_MODE=lax":                        {"", none},
		"AUTH_JWT_PUBLIC_KEYS_FILE=/run/keys.pem":     {"", none},
		"JWT_ALGORITHMS=RS256,HS256":                  {"forbidden_algorithm", always},
		"JWT_ALGORITHMS='RS256, ES256'":               {"", none},
		"JWT_ALGORITHM_FILE=/run/algorithm":           {"", none},
		"CORS_ORIGINS=https://a.b,http://c.d":         {"plain_http", []string{"", "error", "error"}},
		"AUTH_JWT_ALGORITHM=HS256":                    {"forbidden_algorithm", always},
		"AUTH_JWT_ALGORITHM=none":                     {"forbidden_algorithm", always},
		"JWT_ALGORITHM=XX512":                         {"forbidden_algorithm", always},
		"JWT_ALGORITHM=rs256":                         {"", none},
		"JWT_ALGORITHM=EdDSA":                         {"", none},
		"SITE=http://example.com":                     {"plain_http", []string{"", "error", "error"}},
		"SITE=HTTP://localhost":                       {"plain_http", []string{"", "error", "error"}},
		"SITE=https://example.com":                    {"", none},
		"DATABASE_URL=postgres://h/d?sslmode=disable": {"insecure_sslmode", risky},
		"DSN_X='host=h sslmode=disable'":              {"insecure_sslmode", risky},
		"APP_DEBUG=yes":                               {"debug_on", risky},
		"APP_DEBUG=false":                             {"", none},
		"CORS_ORIGINS='https://a.example, *'":         {"wildcard_origin", risky},
		"CORS_ORIGINS=https://a.example":              {"", none},
		"KEYBOARD=qwerty":                             {"", none},
		"AUTHOR=admin":                                {"", none},
		"TOKENS_USED=12":                              {"", none},
	} {
		for i, level := range []env.Level{env.Development, env.Staging, env.Production} {
			name, _, _ := strings.Cut(line, "=")
			want := []string{}
			if tt.levels[i] != "" {
				want = append(want, "1 "+name+" "+tt.rule+" "+tt.levels[i])
			}
			assert.Equal(t, want, found(validate(t, env.Validator{Level: level}, line+"\n")), "%s at %s", line, level)
		}
	}
	pem := "PRIVATE_KEY=\"-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\"\n"
	assert.Empty(t, validate(t, env.Validator{}, pem).Findings)
}

// What is wrong with one variable in several ways is reported in all of them, but nothing twice.
func TestSeveralFindingsOfOneVariable(t *testing.T) {
	t.Parallel()
	secret := env.Schema{Variables: map[string]env.Variable{
		"THING": {Type: env.TypeSecret}, "API_KEY": {Type: env.TypeSecret, MinLength: 40}, "SITE": {Type: env.TypeURL, Protocols: []string{"https"}},
		"JWT_ALGORITHM": {Type: env.TypeString, AllowedValues: []string{"RS256"}},
	}}
	for line, want := range map[string][]string{
		"DATABASE_URL=postgres://u:changeme@h/d?sslmode=disable": {"placeholder", "insecure_sslmode"},
		"API_KEY=aZ3-bY4":                {"short_secret"},
		"API_KEY=changeme":               {"placeholder"},
		"CORS_ORIGINS=*,http://a.b":      {"plain_http", "wildcard_origin"},
		"SITE=http://u:password@a.b":     {"placeholder", "plain_http"},
		"SITE=http://a.b\nSITE=http://b": {"duplicate_key", "plain_http"},
	} {
		assert.ElementsMatch(t, want, rules(validate(t, env.Validator{}, line+"\n")), line)
	}
	for line, want := range map[string][]string{
		"THING=changeme":      {"placeholder"}, // the schema knows better than its name
		"API_KEY=short":       {"min_length"},
		"API_KEY=changeme":    {"min_length", "placeholder"},
		"SITE=http://a.b":     {"protocols"},
		"JWT_ALGORITHM=HS256": {"allowed_values"},
	} {
		assert.ElementsMatch(t, want, rules(validate(t, env.Validator{Schema: &secret}, line+"\n")), line)
	}
}

func rules(r env.Result) (list []string) {
	for _, f := range r.Findings {
		list = append(list, f.Rule)
	}
	return list
}

func TestFileMode(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), ".env")
	for _, tt := range []struct {
		text string
		mode os.FileMode
		want []string
	}{
		{"API_KEY=" + random + "\n", 0o600, []string{}},
		{"API_KEY=" + random + "\n", 0o640, []string{"-  file_mode error"}},
		{"API_KEY=" + random + "\n", 0o604, []string{"-  file_mode error"}},
		{"API_KEY=\nPORT=1\n", 0o644, []string{}},
		{"DATABASE_URL=postgres://u:k9mQ2vXt7@h/d\n", 0o644, []string{"-  file_mode error"}},
		{"DATABASE_URL='host=h password=k9mQ2vXt7'\n", 0o644, []string{"-  file_mode error"}},
		{"DATABASE_URL=postgres://u@h/d\nAUTH_COOKIE_MODE=lax\n", 0o644, []string{}},
	} {
		require.NoError(t, os.WriteFile(path, []byte(tt.text), 0o600))
		require.NoError(t, os.Chmod(path, tt.mode))
		f, err := env.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, tt.want, found(env.Validator{}.Validate(t.Context(), f)))
	}
}

func TestReadFileRefusesWhatIsNoFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	large := filepath.Join(dir, "large")
	require.NoError(t, os.WriteFile(large, bytes.Repeat([]byte("A=1\n"), 300_000), 0o600))
	pipe := filepath.Join(dir, "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	for _, path := range []string{dir, large, pipe, filepath.Join(dir, "missing")} {
		_, err := env.ReadFile(path)
		assert.Error(t, err, path)
		_, err = env.ReadSchemaFile(path)
		assert.Error(t, err, path)
	}
}

func TestChecksOfOthers(t *testing.T) {
	t.Parallel()
	v := env.Validator{Level: env.Production, Check: func(_ context.Context, f *env.File) []env.Problem {
		value, ok := f.Lookup("HOST")
		assert.True(t, ok)
		assert.Equal(t, "a.b", value, "references are resolved within the file")
		_, ok = f.Lookup("PATH")
		assert.False(t, ok, "the process has no say")
		return []env.Problem{
			{Variable: "API_KEY", Rule: "strong", Message: "must be strong"},
			{Variable: "MISSING", Rule: "required", Message: "is required"},
			{Variable: "HOST", Rule: "file", Message: "cannot be looked at here", Severity: env.SeverityWarning},
		}
	}}
	r := validate(t, v, "DOMAIN=b\nHOST=a.${DOMAIN}\nAPI_KEY=changeme\n")
	assert.Equal(t, []string{"- MISSING required error", "2 HOST file warning", "3 API_KEY strong error"}, found(r), "each problem once")
	assert.Equal(t, 2, r.Count(env.SeverityError))
	assert.Equal(t, []string{"B", "A"}, env.Parse("x", []byte("A=1\nB=2\nA=3\n")).Names())
}

func TestEventsAndErr(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	core, err := logging.NewCore(logging.Options{Output: &out})
	require.NoError(t, err)
	v := env.Validator{Level: env.Development, Log: logging.New(core, "env")}
	good := validate(t, v, "A=1\nB=2\n")
	require.NoError(t, good.Err())
	assert.Contains(t, out.String(), `"event":"validation_started"`)
	assert.Contains(t, out.String(), `"env_file":"test.env"`)
	assert.Contains(t, out.String(), `"event":"validation_passed"`)
	assert.Contains(t, out.String(), `"variable_count":2`)
	out.Reset()
	bad := validate(t, v, "A=1\nJWT_ALGORITHM=HS256\n =\n")
	assert.Contains(t, out.String(), `"event":"validation_failed"`)
	assert.Contains(t, out.String(), `"error_count":2`)
	assert.Contains(t, out.String(), `"first_error":"JWT_ALGORITHM must be RS256`)
	e, ok := errors.AsType[*errors.Error](bad.Err())
	require.True(t, ok)
	assert.Equal(t, errors.CodeValidation, e.Code)
	assert.Equal(t, "Environment validation failed", e.Message)
	assert.Len(t, e.Details["errors"], 2)
	assert.Len(t, e.Details["fields"], 2)
	assert.Equal(t, "test.env:2:1: error: JWT_ALGORITHM must be RS256, RS384, RS512, ES256, ES384, ES512 or EdDSA (forbidden_algorithm)",
		bad.Findings[0].String())
}

// Whatever is wrong with a file, nothing that is in it is shown.
func TestNoFindingHoldsAValue(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	core, err := logging.NewCore(logging.Options{Output: &out, Level: "debug"})
	require.NoError(t, err)
	const canary = "c4n4ry"
	text := strings.ReplaceAll(`INT=%
FLOAT=%
BOOL=%
URL=%
EMAIL=%
PATHNAME=%
DURATION=%
SHORT=%
LONG=%%%%%%%%
PATTERN=%
ALLOWED=%
PROTOCOL=%://host
API_KEY=%
SECRET=changeme-%
JWT_ALGORITHM=%
SITE=http://%
DSN_URL=postgres://u:%@h/d?sslmode=disable
% %
=%
X="%
`, "%", canary)
	variables := map[string]env.Variable{
		"INT": {Type: "integer"}, "FLOAT": {Type: "float"}, "BOOL": {Type: "boolean"}, "URL": {Type: "url"}, "EMAIL": {Type: "email"},
		"DURATION": {Type: "duration"}, "SHORT": {Type: "string", MinLength: 100}, "LONG": {Type: "string", MaxLength: 1},
		"PATTERN": {Type: "string", Pattern: "[0-9]"}, "ALLOWED": {Type: "string", AllowedValues: []string{"a"}},
		"PROTOCOL": {Type: "url", Protocols: []string{"https"}}, "GONE": {Type: "string", Required: true},
	}
	v := env.Validator{Schema: &env.Schema{Variables: variables}, Log: logging.New(core, "env")}
	r := validate(t, v, text)
	assert.GreaterOrEqual(t, r.Count(env.SeverityError), 18)
	written, err := json.Marshal(r)
	require.NoError(t, err)
	lines := ""
	for _, f := range r.Findings {
		lines += f.String() + "\n"
	}
	assert.NotContains(t, string(written)+lines+out.String(), canary)
	assert.NotContains(t, r.Err().Error(), canary)
}

func TestParseLevel(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]env.Level{"": env.Production, "Staging": env.Staging, "DEVELOPMENT": env.Development, "production": env.Production} {
		level, err := env.ParseLevel(name)
		require.NoError(t, err)
		assert.Equal(t, want, level)
	}
	_, err := env.ParseLevel("moon")
	assert.ErrorContains(t, err, "development, staging or production")
}
