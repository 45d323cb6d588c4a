package dotenv_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/netrun-systems/go-service-template/internal/platform/env/dotenv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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
		{"a pair", "A=1", []string{"A=1"}},
		{"space around", "  A = 1  ", []string{"A=1"}},
		{"lines", "A=1\nB=2\n\nC=3\n", []string{"A=1", "B=2", "C=3"}},
		{"CR lines", "A=1\rB=2", []string{"A=1", "B=2"}},
		{"CRLF lines", "A=1\r\nB=\"2\"\r\nC='3'\r\n", []string{"A=1", "B=2", "C=3"}},
		{"byte order mark", "\ufeffA=1", []string{"A=1"}},
		{"empty values", "A=\nB=''\nC=\"\"\nD= \nE=1", []string{"A=", "B=", "C=", "D=", "E=1"}},
		{"no value", "A\n export B # x\nC=1", []string{"A", "B", "C=1"}},

		{"export", "export A=1\n\texport\tB=2", []string{"A=1", "B=2"}},
		{"export as a name", "export=1\nexports=2\nexport", []string{"export=1", "exports=2", "export"}},
		{"export of a name like it", "export export_a=1\nexport port=8000", []string{"export_a=1", "port=8000"}},
		{"quoted name", "'A'=1\nexport 'B C'=2", []string{"A=1", "B C=2"}},
		{"names with signs", "[=1\nUgly[%$=\"p#q\" #\nä.b-c=2", []string{"[=1", "Ugly[%$=p#q", "ä.b-c=2"}},

		{"comments", "# A=1\n  # B=2\nC=3 # c\n#", []string{"C=3"}},
		{"a comment after export", "export # A", []string{}},
		{"# needs space before it", "A=x#y\nB=x #y\nC=x\t#y\nD=#y\nE= #y\nF=x #y #z", []string{"A=x#y", "B=x", "C=x", "D=#y", "E=", "F=x"}},
		{"comments after quotes", "A='x' # y\nB=\"x\"#y\n'C'=\"#\"", []string{"A=x", "B=x", "C=#"}},

		{"space inside", "A=b c\nB=b  c\nC=b\tc\nD='b c '\nE=\" b\"", []string{"A=b c", "B=b  c", "C=b\tc", "D=b c ", "E= b"}},
		{"wide space inside", "A=b\u00a0 c", []string{"A=b\u00a0 c"}},
		{"equal signs", "A=b=c\nB==", []string{"A=b=c", "B=="}},
		{"quotes inside", "A=it's\nB=a\"b\nC=\"it's\"\nD='say \"x\"'", []string{"A=it's", "B=a\"b", "C=it's", "D=say \"x\""}},
		{"not ASCII", "A=à\nB=\"à\"\nC='à'", []string{"A=à", "B=à", "C=à"}},

		{"lines in quotes", "A=\"b\nc\"\nB='b\nc'\nC=1", []string{"A=b\nc", "B=b\nc", "C=1"}},
		{"CRLF in quotes", "A=\"b\r\nc\rd\"\r\nB=1", []string{"A=b\nc\nd", "B=1"}},
		{"escapes in double quotes", `A="a\nb\tc\"d\'e\\f\a\b\f\r\v"`, []string{"A=a\nb\tc\"d'e\\f\a\b\f\r\v"}},
		{"escapes in single quotes", `A='a\nb\'c\\d\"'`, []string{`A=a\nb'c\d\"`}},
		{"no escapes in bare values", `A=a\nb\\`, []string{`A=a\nb\\`}},
		{"other backslashes stay", `A="\d\$\ä"` + "\nB='C:\\dir'", []string{`A=\d\$\ä`, `B=C:\dir`}},
		{"an escaped backslash before the quote", `A='a\\'` + "\n" + `B="b\\"`, []string{`A=a\`, `B=b\`}},
		{"twice", "A=1\nA=2", []string{"A=1", "A=2"}},
		{"references stay", "A=${B}\nC=$D", []string{"A=${B}", "C=$D"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			entries, err := dotenv.Parse([]byte(c.src), dotenv.Options{})
			require.NoError(t, err)
			assert.Equal(t, c.want, pairs(entries))
		})
	}
}

func TestEntry(t *testing.T) {
	t.Parallel()
	entries, err := dotenv.Parse([]byte("# x\n  export A='1'\n\nB=\"1\n2\"\nC\n\tD=x\n'Ä'='' E"), dotenv.Options{})
	require.Error(t, err)
	assert.Equal(t, []dotenv.Entry{
		{Key: "A", Value: "1", HasValue: true, Export: true, Quote: '\'', Line: 2, Column: 10},
		{Key: "B", Value: "1\n2", HasValue: true, Quote: '"', Line: 4, Column: 1},
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
		{"an open name", "'hunter2=1\nB=1", dotenv.RuleName, 1, 1, []string{"B=1"}},
		{"an empty name", "''=hunter2", dotenv.RuleName, 1, 1, []string{}},
		{"a name over lines", "'a\nb'=hunter2", dotenv.RuleName, 1, 1, []string{"b'=hunter2"}},
		{"an open double quote", "A=\"hunter2\nB=1", dotenv.RuleQuote, 1, 3, []string{"B=1"}},
		{"an open single quote", "A=1\nÄ = 'hunter2\nB=1", dotenv.RuleQuote, 2, 5, []string{"A=1", "B=1"}},
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
			entries, err := dotenv.Parse([]byte(c.src), dotenv.Options{})
			var errs dotenv.Errors
			require.ErrorAs(t, err, &errs)
			require.Len(t, errs, 1)
			assert.Equal(t, c.rule, errs[0].Rule)
			assert.Equal(t, [2]int{c.line, c.column}, [2]int{errs[0].Line, errs[0].Column})
			assert.NotContains(t, err.Error(), "hunter2")
			assert.Equal(t, c.rest, pairs(entries))
		})
	}
}

func TestAllErrorsAtOnce(t *testing.T) {
	t.Parallel()
	_, err := dotenv.Parse([]byte("=1\nA=1\nB: 2\nC='3"), dotenv.Options{})
	require.EqualError(t, err, strings.Join([]string{
		"line 1, column 1: a line begins with a name",
		"line 3, column 4: a name is followed by =",
		"line 4, column 3: the quote that begins here is not closed",
	}, "\n"))
	var one *dotenv.SyntaxError
	require.ErrorAs(t, err, &one)
	assert.Equal(t, 1, one.Line)
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
		"X=${NO:-${HOST}}":     "${HOST}",
		`X="\${HOST}"`:         `\h`,
	} {
		entries, err := dotenv.Parse([]byte(src), dotenv.Options{Expand: outer})
		require.NoError(t, err, src)
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
		entries, err := dotenv.Parse(src, dotenv.Options{Expand: os.LookupEnv})
		last := 0
		for _, e := range entries {
			require.NotEmpty(t, e.Key)
			require.Greater(t, e.Line, last)
			require.LessOrEqual(t, e.Line, lines)
			require.Positive(t, e.Column)
			require.True(t, e.HasValue || e.Value == "")
			last = e.Line
		}
		if err != nil {
			var errs dotenv.Errors
			require.ErrorAs(t, err, &errs)
			for _, one := range errs {
				require.LessOrEqual(t, one.Line, lines)
				require.Positive(t, one.Column)
			}
		}
	})
}

// FuzzRoundTrip: any text survives both kinds of quotes.
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
		entries, err := dotenv.Parse([]byte("A='"+single+"'\nB=\""+double+"\"\n"), dotenv.Options{})
		require.NoError(t, err)
		require.Equal(t, []string{"A=" + value, "B=" + value}, pairs(entries))
	})
}
