package dotenv_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/joho/godotenv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/netrun-systems/go-service-template/internal/platform/env/dotenv"
)

func TestMain(m *testing.M) {
	dotenv.SetPipeTimeout(time.Second)
	goleak.VerifyTestMain(m)
}

// pairs writes each entry as KEY=value, or KEY where it has no value.
func pairs(entries []dotenv.Entry) []string {
	list := []string{}
	for _, e := range entries {
		if e.HasValue {
			list = append(list, e.Key+"="+e.Value)
		} else {
			list = append(list, e.Key)
		}
	}
	return list
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, src string
		want      []string
	}{
		{"nothing", "", []string{}},
		{"blank lines", "\n \r\n\t\n", []string{}},
		{"one entry", "A=1", []string{"A=1"}},
		{"space around", "  A = 1  ", []string{"A=1"}},
		{"lines", "A=1\nB=2\n\nC=3\n", []string{"A=1", "B=2", "C=3"}},
		{"CR lines", "A=1\rB=2", []string{"A=1", "B=2"}},
		{"CRLF lines", "A=1\r\nB=\"2\"\r\nC='3'\r\n", []string{"A=1", "B=2", "C=3"}},
		{"byte order mark", "\ufeffA=1", []string{"A=1"}},
		{"empty values", "A=\nB=''\nC=\"\"\nD= \nE=1", []string{"A=", "B=", "C=", "D=", "E=1"}},
		{"no value", "A\n export B # x\nC=1", []string{"A", "B", "C=1"}},

		{"export", "export A=1\n\texport\tB=2", []string{"A=1", "B=2"}},
		{"export as a name", "export=1\nexports=2\nexport", []string{"export=1", "exports=2", "export"}},
		{"name that begins with export", "export export_a=1\nexport port=8000", []string{"export_a=1", "port=8000"}},
		{"quoted name", "'A'=1\nexport 'B C'=2", []string{"A=1", "B C=2"}},
		{"names with punctuation", "[=1\nUgly[%$=\"p#q\" #\nä.b-c=2", []string{"[=1", "Ugly[%$=p#q", "ä.b-c=2"}},

		{"comments", "# A=1\n  # B=2\nC=3 # c\n#", []string{"C=3"}},
		{"a comment after export", "export # A", []string{}},
		{"# needs space before it", "A=x#y\nB=x #y\nC=x\t#y\nD=#y\nE= #y\nF=x #y #z", []string{"A=x#y", "B=x", "C=x", "D=#y", "E=", "F=x"}},
		{"comments after quotes", "A='x' # y\nB=\"x\"#y\n'C'=\"#\"", []string{"A=x", "B=x", "C=#"}},

		{"space inside", "A=b c\nB=b  c\nC=b\tc\nD='b c '\nE=\" b\"", []string{"A=b c", "B=b  c", "C=b\tc", "D=b c ", "E= b"}},
		{"no-break space inside", "A=b\u00a0 c", []string{"A=b\u00a0 c"}},
		{"equal signs", "A=b=c\nB==", []string{"A=b=c", "B=="}},
		{"quotes inside", "A=it's\nB=a\"b\nC=\"it's\"\nD='say \"x\"'", []string{"A=it's", "B=a\"b", "C=it's", "D=say \"x\""}},
		{"not ASCII", "A=à\nB=\"à\"\nC='à'", []string{"A=à", "B=à", "C=à"}},

		{"lines in quotes", "A=\"b\nc\"\nB='b\nc'\nC=1", []string{"A=b\nc", "B=b\nc", "C=1"}},
		{"CRLF in quotes", "A=\"b\r\nc\rd\"\r\nB=1", []string{"A=b\nc\nd", "B=1"}},
		{"escapes in double quotes", `A="a\nb\tc\"d\'e\\f\a\b\f\r\v"`, []string{"A=a\nb\tc\"d'e\\f\a\b\f\r\v"}},
		{"escapes in single quotes", `A='a\nb\'c\\d\"'`, []string{`A=a\nb'c\d\"`}},
		{"no escapes in bare values", `A=a\nb\\`, []string{`A=a\nb\\`}},
		{"other backslashes are kept", `A="\d\$\ä"` + "\nB='C:\\dir'", []string{`A=\d\$\ä`, `B=C:\dir`}},
		{"an escaped backslash before the quote", `A='a\\'` + "\n" + `B="b\\"`, []string{`A=a\`, `B=b\`}},
		{"twice", "A=1\nA=2", []string{"A=1", "A=2"}},
		{"references without lookup", "A=${B}\nC=$D", []string{"A=${B}", "C=$D"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			entries, errs := dotenv.Parse([]byte(c.src), nil)
			require.Empty(t, errs)
			assert.Equal(t, c.want, pairs(entries))
		})
	}
}

func TestEntry(t *testing.T) {
	t.Parallel()
	entries, errs := dotenv.Parse([]byte("# x\n  export A='1'\n\nB=\"1\n2\"\nC\n\tD=x\n'Ä'='' E"), nil)
	require.NotEmpty(t, errs)
	assert.Equal(t, []dotenv.Entry{
		{Key: "A", Value: "1", HasValue: true, Line: 2, Column: 10, Quote: '\''},
		{Key: "B", Value: "1\n2", HasValue: true, Line: 4, Column: 1, Quote: '"'},
		{Key: "C", Line: 6, Column: 1},
		{Key: "D", Value: "x", HasValue: true, Line: 7, Column: 2},
	}, entries)
}

func TestSyntaxErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, src    string
		rule         string
		line, column int
		rest         []string // what is read all the same
	}{
		{"a colon", "A: hunter2\nB=1", dotenv.RuleDelimiter, 1, 4, []string{"B=1"}},
		{"two words", "A=1\nmy hunter2", dotenv.RuleDelimiter, 2, 4, []string{"A=1"}},
		{"no name", "A=1\n  =hunter2", dotenv.RuleName, 2, 3, []string{"A=1"}},
		{"no name after export", "export =hunter2\nB=1", dotenv.RuleName, 1, 8, []string{"B=1"}},
		{"unclosed name", "'hunter2=1\nB=1", dotenv.RuleName, 1, 1, []string{"B=1"}},
		{"an empty name", "''=hunter2", dotenv.RuleName, 1, 1, []string{}},
		{"name with a line break", "'a\nb'=hunter2", dotenv.RuleName, 1, 1, []string{"b'=hunter2"}},
		{"unclosed double quote", "A=\"hunter2\nB=1", dotenv.RuleQuote, 1, 3, []string{"B=1"}},
		{"unclosed single quote", "A=1\nÄ = 'hunter2\nB=1", dotenv.RuleQuote, 2, 5, []string{"A=1", "B=1"}},
		{"only an escaped quote", `A="hunter2\"`, dotenv.RuleQuote, 1, 3, []string{}},
		{"a backslash at the end", `A="hunter2\`, dotenv.RuleQuote, 1, 3, []string{}},
		{"text after a quote", "A='x' hunter2\nB=1", dotenv.RuleTrailing, 1, 7, []string{"B=1"}},
		{"text after lines in quotes", "A=\"x\ny\" hunter2\nB=1", dotenv.RuleTrailing, 2, 4, []string{"B=1"}},
		{"not UTF-8", "A=1\r\nB=ä\xffhunter2", dotenv.RuleEncoding, 2, 4, []string{}},
		{"NUL", "A=hunter2\x00", dotenv.RuleEncoding, 1, 10, []string{}},
		{"UTF-16", "\xff\xfeA\x00=\x00", dotenv.RuleEncoding, 1, 1, []string{}},
		{"UTF-16, big end first", "\xfe\xff\x00A\x00=", dotenv.RuleEncoding, 1, 1, []string{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			entries, errs := dotenv.Parse([]byte(c.src), nil)
			require.Len(t, errs, 1)
			assert.Equal(t, c.rule, errs[0].Rule)
			assert.Equal(t, [2]int{c.line, c.column}, [2]int{errs[0].Line, errs[0].Column})
			assert.NotContains(t, errs[0].Error(), "hunter2")
			assert.Equal(t, c.rest, pairs(entries))
		})
	}
}

func TestAllErrorsAtOnce(t *testing.T) {
	t.Parallel()
	_, errs := dotenv.Parse([]byte("=1\nA=1\nB: 2\nC='3"), nil)
	var got []string
	for _, err := range errs {
		got = append(got, err.Error())
	}
	assert.Equal(t, []string{
		"line 1, column 1: a line must begin with a name; a quoted name must end on its line",
		"line 3, column 4: a name must be followed by =",
		"line 4, column 3: the quote that begins here is not closed",
	}, got)
}

func TestReadFileIsBounded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	require.NoError(t, os.WriteFile(path("largest"), bytes.Repeat([]byte("A=1\n"), 1<<18), 0o600))
	require.NoError(t, os.WriteFile(path("large"), bytes.Repeat([]byte("A=1\n"), 1<<18+1), 0o600))
	require.NoError(t, syscall.Mkfifo(path("no writer"), 0o600))
	content, err := dotenv.ReadFile(path("largest"))
	require.NoError(t, err)
	assert.Len(t, content, 1<<20)
	for name, want := range map[string]string{
		"large": "it is larger than 1 MiB", "no writer": "it did not end within 1s", ".": "it is not a regular file or a named pipe",
		"missing": "no such file", "../../../../../../../../dev/null": "it is not a regular file or a named pipe",
	} {
		_, err := dotenv.ReadFile(path(name))
		var pathError *fs.PathError
		require.ErrorAs(t, err, &pathError, name)
		assert.ErrorContains(t, pathError.Err, want, name)
	}
}

func TestReadFileReadsPipes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		content  string
		kept     bool // the writer does not close the pipe
		want     int
		rejected string
	}{
		"text":          {"A=1\n", false, 4, ""},
		"more at once":  {strings.Repeat("A=1\n", 1<<16), false, 1 << 18, ""},
		"nothing":       {"", false, 0, ""},
		"too much":      {strings.Repeat("A=1\n", 1<<18+1), false, 0, "it is larger than 1 MiB"},
		"never closed":  {"A=1\n", true, 0, "it did not end within 1s"},
		"never written": {"", true, 0, "it did not end within 1s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path, ended, release := filepath.Join(t.TempDir(), "pipe"), make(chan struct{}), make(chan struct{})
			require.NoError(t, syscall.Mkfifo(path, 0o600))
			go func() {
				defer close(ended)
				w, err := os.OpenFile(path, os.O_WRONLY, 0)
				if !assert.NoError(t, err) {
					return
				}
				defer func() { _ = w.Close() }()
				_, _ = w.WriteString(c.content) // fails if the reader has read enough
				if c.kept {
					<-release
				}
			}()
			content, err := dotenv.ReadFile(path)
			close(release)
			<-ended
			if c.rejected != "" {
				require.ErrorContains(t, err, c.rejected)
				return
			}
			require.NoError(t, err)
			assert.Len(t, content, c.want)
		})
	}
}

func TestReferencesThatAreNotReplaced(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]dotenv.Entry{
		"X=${A}":               {Unset: ""},
		"X=${NO}":              {Unset: "NO"},
		"X=a${NO}b${OTHER}":    {Unset: "NO"},
		"X=\"${NO}\"":          {Unset: "NO"},
		"X='${NO} ${NO-d}'":    {},
		"X=${NO:-}":            {},
		"X=${NO:-d}":           {},
		"X=${EMPTY}":           {},
		"X=${spring.url}":      {Unset: "spring.url"},
		"X=${NO-d}":            {Foreign: true},
		"X=${NO?e}":            {Foreign: true},
		"X=${NO:?e}":           {Foreign: true},
		"X=${NO:+d}":           {Foreign: true},
		"X=${NO+d}":            {Foreign: true},
		"X=${NO:=d}":           {Foreign: true},
		"X=${A:0:1}":           {Foreign: true},
		"X=${#A}":              {Foreign: true},
		"X=${A%.*}":            {Foreign: true},
		"X=${!A}":              {Foreign: true},
		"X=${NO:d}":            {Foreign: true},
		"X=${NO:-${A}}":        {Foreign: true},
		"X=${A:-${NO}}":        {Foreign: true},
		"X=${NO} ${NO:?e}":     {Unset: "NO", Foreign: true},
		"X=$NO $(date) `date`": {},
	} {
		entries, errs := dotenv.Parse([]byte("A=1\nEMPTY=\n"+src), func(string) (string, bool) { return "", false })
		require.Empty(t, errs, src)
		last := entries[len(entries)-1]
		assert.Equal(t, want, dotenv.Entry{Unset: last.Unset, Foreign: last.Foreign}, src)
	}
}

func TestExpand(t *testing.T) {
	t.Parallel()
	outer := func(name string) (string, bool) {
		value, ok := map[string]string{"HOST": "h", "EMPTY": "", "REF": "${HOST}"}[name]
		return value, ok
	}
	for src, want := range map[string]string{
		"X=${HOST}":            "h",
		"X=a${HOST}b${HOST}c":  "ahbhc",
		`X="${HOST}"`:          "h",
		"X='${HOST}'":          "${HOST}",
		"X=$HOST":              "$HOST",
		"X=${NO}":              "",
		"X=${NO}y":             "y",
		"X=${NO:-}":            "",
		"X=${NO:-a b}":         "a b",
		"X=${NO:-a:-b}":        "a:-b",
		"X=${HOST:-d}":         "h",
		"X=${EMPTY:-d}":        "d",
		"X=${EMPTY}":           "",
		"X=${REF}":             "${HOST}",
		"X=${X:-self}":         "self",
		"A=1\nX=${A}2":         "12",
		"A=1\nA=2\nX=${A}":     "2",
		"X=${A}\nA=1":          "",
		"HOST=file\nX=${HOST}": "h",
		"A='${HOST}'\nX=${A}":  "${HOST}",
		"A\nX=${A:-none}":      "none",
		"X=${HOST":             "${HOST",
		"X=${HOST:d} ${HOST}":  "${HOST:d} h",
		"X=${HOST:?e}":         "${HOST:?e}",
		"X=${NO:-${HOST}}":     "${NO:-${HOST}}",
		"X=${NO-d}":            "${NO-d}",
		"X=${NO?e}y":           "${NO?e}y",
		"NO-d=1\nX=${NO-d}":    "1",
		`X="\${HOST}"`:         `\h`,
	} {
		entries, errs := dotenv.Parse([]byte(src), outer)
		require.Empty(t, errs, src)
		for _, e := range entries {
			if e.Key == "X" {
				assert.Equal(t, want, e.Value, src)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"A=1", "export A='x' # c", "A=\"a\\n${B:-c}\"\r\nB", "A=\"\n'", "'a'=b", "\ufeffA=\u00a0#", "=:\x00\xff", "A=${${B}}", "a=b\r\rc=\\",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		lines := 1 + strings.Count(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(src)), "\n")
		entries, errs := dotenv.Parse(src, os.LookupEnv)
		last := 0
		for _, e := range entries {
			require.NotEmpty(t, e.Key)
			require.Greater(t, e.Line, last)
			require.LessOrEqual(t, e.Line, lines)
			require.Positive(t, e.Column)
			require.True(t, e.HasValue || e.Value == "")
			last = e.Line
		}
		for _, one := range errs {
			require.LessOrEqual(t, one.Line, lines)
			require.Positive(t, one.Column)
		}
	})
}

// FuzzRoundTrip checks that any text can be written in both kinds of quotes.
func FuzzRoundTrip(f *testing.F) {
	for _, seed := range []string{"", "plain", `it's "x" \ \n`, "a\nb", "# no comment", "${A}", "ends in \\"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if strings.ContainsAny(value, "\x00\r") || strings.ToValidUTF8(value, "") != value {
			return
		}
		single := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value)
		double := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value)
		entries, errs := dotenv.Parse([]byte("A='"+single+"'\nB=\""+double+"\"\n"), nil)
		require.Empty(t, errs)
		require.Equal(t, []string{"A=" + value, "B=" + value}, pairs(entries))
	})
}

func Example() {
	const file = `# for developers
export HTTP_ADDR=:8080            # a comment
GREETING="hello
world"
DATABASE_URL=postgres://${DB_HOST:-localhost}/app
API_KEY='not closed
`
	lookup := func(string) (string, bool) { return "", false }
	entries, errs := dotenv.Parse([]byte(file), lookup)
	for _, e := range entries {
		fmt.Printf("%d: %s=%q\n", e.Line, e.Key, e.Value)
	}
	for _, err := range errs {
		fmt.Println(err)
	}
	// Output:
	// 2: HTTP_ADDR=":8080"
	// 3: GREETING="hello\nworld"
	// 5: DATABASE_URL="postgres://localhost/app"
	// line 6, column 9: the quote that begins here is not closed
}

// file has 60 typical lines: comments, bare, quoted and multi-line values.
var file = []byte(strings.Repeat(`# a comment
HTTP_ADDR=:8080 # where to listen
export DATABASE_URL="postgres://app@localhost/app?sslmode=disable"
CORS_ORIGINS='https://a.example.com,https://b.example.com'
KEY="-----BEGIN\nMIIEvQIBADANBgkqhkiG9w0BAQEF\n-----END"

`, 10))

func BenchmarkParse(b *testing.B) {
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		if _, errs := dotenv.Parse(file, nil); errs != nil {
			b.Fatal(errs)
		}
	}
}

func BenchmarkParseExpand(b *testing.B) {
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		if _, errs := dotenv.Parse(file, os.LookupEnv); errs != nil {
			b.Fatal(errs)
		}
	}
}

// BenchmarkOpenQuotes parses a file whose first quote is never closed. The time must be linear in the
// size of the file.
func BenchmarkOpenQuotes(b *testing.B) {
	src := []byte("A='" + strings.Repeat("\nA=\\'", 10_000))
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		_, _ = dotenv.Parse(src, nil)
	}
}

func BenchmarkGodotenv(b *testing.B) {
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := godotenv.UnmarshalBytes(file); err != nil {
			b.Fatal(err)
		}
	}
}
