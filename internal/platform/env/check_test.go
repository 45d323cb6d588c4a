package env_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/env"
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
		"bad character":   {"A-B=1\nA.C=1\nÄ=1\n", []string{"1 A-B bad_character warning", "2 A.C bad_character warning", "3  bad_name warning"}},
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
		assert.Equal(t, !strings.Contains(strings.Join(tt.want, ""), "error"), r.Valid, name)
	}
}

// What looks like a part of a value is never printed, in any output.
func TestLinesThatAreNoVariables(t *testing.T) {
	t.Parallel()
	const wrapped, hidden = " unquoted_lines error", "2  bad_name warning"
	for name, tt := range map[string]struct {
		text string
		want []string
	}{
		"base64":                  {"API_KEY=aGVsbG8gd29ybGQgaGVsbG8gd29ybGQg\nQ0FOQVJZaGVsbG8gd29ybGQgaGVsbG8g\nQ4N4RYg=\n", []string{wrapped}},
		"hexadecimal":             {"X_SECRET=9f86d081884c7d65\n9a2feaa0c55ad015\ncanary81\n", []string{wrapped}},
		"PEM":                     {"CERT=-----BEGIN CERTIFICATE-----\nMIICANARY\nCANARY==\n-----END CERTIFICATE-----\n", []string{wrapped}},
		"PEM, CRLF":               {"X=-----BEGIN PRIVATE KEY-----\r\nMIIcanary\r\n-----END PRIVATE KEY-----\r\n", []string{wrapped}},
		"words":                   {"DB_PASSPHRASE=correct horse battery\ncanary\n", []string{wrapped}},
		"more words":              {"DB_PASSPHRASE=correct horse battery\ncanary staple\n", []string{wrapped}},
		"capitals":                {"RECOVERY_KEY=JBSWY3DPEHPK3PXP\nCANARY\n", []string{wrapped}},
		"JSON":                    {"GOOGLE_CREDENTIALS={\n  \"type\": \"canary\",\n  \"canary\": \"a=b\"\n}\n", []string{wrapped}},
		"a name that no list has": {"OUR_PW=correct horse\ncanary\n", []string{wrapped}},
		"a password in a URL":     {"SITE=https://u:hunter2x@h\n/canary\n", []string{wrapped}},
		"padding alone":           {"API_TOKEN=a-b-c\ncanary=\n", []string{wrapped}},
		"not a secret":            {"GREETING=hello\ncanary\n", []string{wrapped}},
		"more lines":              {"GREETING=hello\ncanary\nmore canary\n=canary\n", []string{wrapped}},
		"a = inside":              {"API_SECRET=correct horse\nca/nary+x=canary\n", []string{wrapped}},
		"two values":              {"A_KEY=a\ncanary\nB_KEY=b\ncanary\n", []string{wrapped, "3 B_KEY unquoted_lines error"}},
		"first line":              {"canary\n", []string{"1  bad_name warning"}},
		"after a blank line":      {"X_KEY=some-value\n\ncanary\n", []string{"3  bad_name warning"}},
		"after quotes":            {"X_KEY='some-value'\ncanary\n", []string{hidden}},
		"a comment between":       {"X_KEY=some-value\n# c\ncanary\n", []string{"3  bad_name warning"}},
		"not ASCII":               {"A=1\ncanaré=canary\n", []string{hidden}},
		"control characters":      {"A=1\n\x1b[31mcanary=1\n", []string{hidden}},
		"marks of direction":      {"A=1\ncanary\u202etxt=1\n", []string{hidden}},
		"quoted name":             {"A=1\n'ca n\tary canary'=1\n", []string{hidden}},
		"a generated name":        {"A=1\nkX9vQ2aB7cDcanary=1\n", []string{hidden}},
		"a long name":             {"A=1\n" + strings.Repeat("CANARY", 6) + "=1\n", []string{hidden}},
		"names":                   {"X_KEY=some-value\nHTTP_PROXY\nNAME=1\n", []string{"2 HTTP_PROXY no_value warning"}},
		"a name":                  {"A=1\nHOME\n", []string{"2 HOME no_value warning"}},
		"words with digits":       {"X_KEY=some-value\nAES256GCM_IPV4=1\nUTF8MB4=1\nS3_URL=1\nX509_2FA=1\n", []string{}},
	} {
		file := env.Parse("test.env", []byte(tt.text))
		r := env.Validator{Level: env.Production, Schema: &env.Schema{}}.Validate(t.Context(), file)
		for i, want := range tt.want {
			if first, _, _ := strings.Cut(tt.text, "="); want == wrapped {
				tt.want[i] = "1 " + first + want
			}
		}
		assert.Equal(t, tt.want, slices.DeleteFunc(found(r), func(f string) bool { return hasAny(f, " unknown ") }), name)
		outputs := []any{r, env.Infer(file), env.Compare(file, env.Parse("b", nil), false), env.Compare(env.Parse("b", nil), file, false),
			env.Compare(file, file, false).String(), fmt.Sprint(r.Findings, file.Err())}
		text, err := json.Marshal(outputs)
		require.NoError(t, err)
		assert.NotContains(t, strings.ToLower(string(text)), "canar", name)
		assert.NotContains(t, strings.ToLower(string(text)), "4n4ry", name)
		assert.Equal(t, strings.Contains(strings.Join(tt.want, ""), "error"), file.Err() != nil, name)
	}
}

func hasAny(text string, words ...string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) })
}

func TestReferencesAndComments(t *testing.T) {
	t.Parallel()
	const unset, wrong, comment = " unset_reference warning", " unset_reference error", " comment_as_value warning"
	for text, want := range map[string][]string{
		"X=${canary}\n":                 {"1 X" + unset},
		"X=\"a${canary}b\"\n":           {"1 X" + unset},
		"X='${canary}'\n":               {},
		"X=${canary:-}\n":               {},
		"X=${canary-d}\n":               {"1 X reference error"},
		"X=${canary:?is not set}\n":     {"1 X reference error"},
		"X=${canary:+d}\n":              {"1 X reference error"},
		"X=${canary:-${HOST}}\n":        {"1 X reference error"},
		"DB_HOST=h\nX=${DB_HSOT}\n":     {"2 X" + wrong},
		"DB_HOST=h\nX=${DB_HOST}\n":     {},
		"X=${DB_HOST}\nDB_HOST=h\n":     {"1 X" + wrong},
		"X=${X}\n":                      {"1 X" + wrong},
		"X=$canary\n":                   {},
		"EMPTY= # note\n":               {"1 EMPTY" + comment},
		"EMPTY=\t#note\n":               {"1 EMPTY" + comment},
		"COLOR=#fff\n":                  {"1 COLOR" + comment},
		"COLOR='#fff' # red\nA=b # c\n": {},
		"A=b\u200b\n":                   {"1 A invisible_character warning"},
		"A=b\u202ec\nB=\"\\a\"\n":       {"1 A invisible_character warning", "2 B invisible_character warning"},
		"A=\"b\tc\nd\"\nB=é\u0301 ü\n":  {},
	} {
		r := validate(t, env.Validator{Level: env.Development}, text)
		assert.Equal(t, want, found(r), text)
		assert.NotContains(t, fmt.Sprint(r.Findings), "canary")
	}
	r := validate(t, env.Validator{}, "DB_HOST=h\nX=${DB_HSOT}\n")
	assert.Contains(t, r.Findings[0].Message, "did you mean DB_HOST?")
}

func TestSecurityByLevel(t *testing.T) {
	t.Parallel()
	none := []string{"", "", ""}
	bad := []string{"warning", "error", "error"}
	risky := []string{"", "warning", "error"}
	unusual := []string{"", "warning", "warning"}
	always := []string{"error", "error", "error"}
	for line, tt := range map[string]struct {
		rule   string
		levels []string
	}{
		"API_KEY=changeme":                            {"placeholder", bad},
		"API_KEY=<your-key-here>":                     {"placeholder", bad},
		"API_KEY=k9#mQ2vX!t7Lw4":                      {"short_secret", bad},
		"DB_PASSWORD=k9#mQ2vX!t7":                     {"short_secret", bad},
		"PUSHER_APP_SECRET=a1b2c3d4e5f6a7b8c9d0":      {"short_key", unusual},
		"DROPBOX_SECRET=a1b2c3d4e5f6g7h":              {"short_key", unusual},
		"JWT_SECRET=a1b2c3d4e5f6a7b8c9d0":             {"short_secret", bad},
		"APP_SECRET=a1b2c3d4e5f6a7b8c9d0":             {"short_secret", bad},
		"SECRET_TOKEN=a1b2c3d4e5f6a7b8c9d0":           {"short_secret", bad},
		"DB_PASSWORD=a1b2c3d4e5f6g7h":                 {"short_secret", bad},
		"API_KEY=a-chosen-key-with-words":             {"short_secret", bad},
		"HTTP_PROXY=http://proxy:3128":                {"plain_proxy", unusual},
		"HTTPS_PROXY=http://proxy:3128":               {"plain_proxy", unusual},
		"PROXY_URL=http://proxy:3128":                 {"plain_http", []string{"", "error", "error"}},
		"JWT_ACCESS_EXPIRATION_MINUTES=30":            {"", none},
		"FUNCTIONS_VERIFY_JWT=false":                  {"", none},
		"CREDENTIAL_ROUNDS=12":                        {"", none},
		"ALLOW_EMPTY_PASSWORD=yes":                    {"", none},
		"SESSION_SECURE_COOKIE=false":                 {"", none},
		"DB_PASSWORD=1234":                            {"short_secret", bad},
		"FIELD_SALT=changeme":                         {"placeholder", bad},
		"ROOT_PW=password":                            {"placeholder", bad},
		"BOT_KEY=your-key-here":                       {"placeholder", bad},
		"SORT_KEY=id":                                 {"", none},
		"FIELD_SALT=some-salt":                        {"", none},
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

// Each problem of a variable is reported, but none twice.
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
		"THING=changeme":      {"placeholder"}, // secret by the schema, not by its name
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

// Other users may open a pipe, but they do not get what the service reads from it.
func TestModeOfAPipeIsIgnored(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	require.NoError(t, os.Chmod(path, 0o666))
	done := make(chan error, 1)
	go func() { done <- os.WriteFile(path, []byte("API_KEY="+random+"\n"), 0o600) }()
	f, err := env.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, <-done)
	assert.Empty(t, env.Validator{}.Validate(t.Context(), f).Findings)
}

func TestReadFileRefusesIrregularFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	large := filepath.Join(dir, "large")
	require.NoError(t, os.WriteFile(large, bytes.Repeat([]byte("A=1\n"), 300_000), 0o600))
	for _, path := range []string{dir, large, "/dev/null", filepath.Join(dir, "missing")} {
		_, err := env.ReadFile(path)
		assert.Error(t, err, path)
		_, err = env.ReadSchema(path)
		assert.Error(t, err, path)
	}
}

func TestFindingsOfTheCallersCheckGetAPlace(t *testing.T) {
	t.Parallel()
	v := env.Validator{Level: env.Production, Check: func(_ context.Context, f *env.File) []env.Finding {
		value, ok := f.Lookup("HOST")
		assert.True(t, ok)
		assert.Equal(t, "a.b", value, "references are resolved within the file")
		_, ok = f.Lookup("PATH")
		assert.False(t, ok, "the process environment is not read")
		return []env.Finding{
			{Variable: "API_KEY", Rule: "placeholder", Severity: env.SeverityError, Message: "must not be a placeholder"},
			{Variable: "MISSING", Rule: "required", Severity: env.SeverityError, Message: "is required"},
			{Variable: "HOST", Rule: "file", Message: "cannot be looked at here", Severity: env.SeverityWarning},
		}
	}}
	r := validate(t, v, "DOMAIN=b\nHOST=a.${DOMAIN}\nAPI_KEY=changeme\n")
	assert.Equal(t, []string{"- MISSING required error", "2 HOST file warning", "3 API_KEY placeholder error"}, found(r), "each problem once")
	assert.Equal(t, 2, r.Errors)
	assert.Equal(t, []string{"B", "A"}, env.Parse("x", []byte("A=1\nB=2\nA=3\n")).Names())
}

// captureLog returns what the package logs until the test ends. Its callers must not be parallel.
func captureLog(t *testing.T) *bytes.Buffer {
	t.Helper()
	var out bytes.Buffer
	core, err := logging.NewCore(logging.Options{Output: &out, Level: "debug"})
	require.NoError(t, err)
	logging.SetDefault(core)
	t.Cleanup(discardLog)
	return &out
}

func TestValidateLogsItsOutcome(t *testing.T) {
	out := captureLog(t)
	v := env.Validator{Level: env.Development}
	assert.True(t, validate(t, v, "A=1\nB=2\n").Valid)
	for _, want := range []string{`"event":"validation_started"`, `"env_file":"test.env"`, `"event":"validation_passed"`, `"variable_count":2`} {
		assert.Contains(t, out.String(), want)
	}
	out.Reset()
	r := validate(t, v, "A=1\nJWT_ALGORITHM=HS256\n =\n")
	assert.False(t, r.Valid)
	for _, want := range []string{`"event":"validation_failed"`, `"error_count":2`, `"first_error":"JWT_ALGORITHM must be RS256`} {
		assert.Contains(t, out.String(), want)
	}
	assert.Equal(t, "test.env:2:1: error: JWT_ALGORITHM must be RS256, RS384, RS512, ES256, ES384, ES512 or EdDSA (forbidden_algorithm)",
		r.Findings[0].String())
}

func TestNoFindingHoldsAValue(t *testing.T) {
	out := captureLog(t)
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
	v := env.Validator{Schema: &env.Schema{Variables: variables}}
	r := validate(t, v, text)
	assert.GreaterOrEqual(t, r.Errors, 18)
	written, err := json.Marshal(r)
	require.NoError(t, err)
	lines := ""
	for _, f := range r.Findings {
		lines += f.String() + "\n"
	}
	assert.NotContains(t, string(written)+lines+out.String(), canary)
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
