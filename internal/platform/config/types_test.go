package config_test

import (
	"net/netip"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
)

type setter struct{ text string }

func (s *setter) SetValue(text string) error { s.text = "set " + text; return nil }

type everything struct {
	Text      string            `env:"TEXT"`
	Bool      bool              `env:"BOOL"`
	Int       int               `env:"INT"`
	Int8      int8              `env:"INT8"`
	Uint      uint16            `env:"UINT"`
	Wide      uint64            `env:"WIDE"`
	Float32   float32           `env:"FLOAT32"`
	Off       bool              `env:"OFF"`
	Float     float64           `env:"FLOAT"`
	Duration  time.Duration     `env:"DURATION"`
	Size      config.Bytes      `env:"SIZE"`
	Time      time.Time         `env:"TIME"`
	Day       time.Time         `env:"DAY" env-layout:"2006-01-02"`
	URL       url.URL           `env:"URL"`
	Link      *url.URL          `env:"LINK"`
	Zone      *time.Location    `env:"ZONE"`
	Raw       []byte            `env:"RAW"`
	Texts     []string          `env:"TEXTS"`
	Ints      []int             `env:"INTS"`
	Durations []time.Duration   `env:"DURATIONS" env-separator:";"`
	Networks  []netip.Prefix    `env:"NETWORKS"`
	Address   netip.AddrPort    `env:"ADDRESS"`
	Map       map[string]int    `env:"MAP"`
	Labels    map[string]string `env:"LABELS"`
	Setter    setter            `env:"SETTER"`
	Pointer   *int              `env:"POINTER"`
	Secret    config.Secret     `env:"SECRET"`
	Hidden    *config.Secret    `env:"HIDDEN"`
}

func TestEveryType(t *testing.T) {
	t.Parallel()
	var c everything
	_, err := config.LoadInto(t.Context(), &c, given(vars{
		"TEXT": " as it is, 1 ", "BOOL": "Yes", "OFF": "No", "INT": " 010 ", "INT8": "-128", "UINT": "+7", "FLOAT": "1.5", "DURATION": "90",
		"SIZE": "1MiB", "TIME": "2026-01-02T03:04:05Z", "DAY": "2026-01-02", "URL": "https://h/p", "LINK": "http://l",
		"ZONE": "UTC", "RAW": "a,b", "TEXTS": " a, ,b ,", "INTS": "1, 02,", "DURATIONS": "1; 2m ;;0.5", "NETWORKS": "10.0.0.0/8, ::1/128",
		"ADDRESS": "127.0.0.1:80", "MAP": "a:1, b : 2,", "LABELS": "u:http://x:1", "SETTER": "x", "POINTER": "3", "SECRET": "s", "HIDDEN": "h",
	}, nil))
	require.NoError(t, err)

	three, hidden := 3, config.Secret("h")
	assert.Equal(t, everything{
		Text: " as it is, 1 ", Bool: true, Int: 10, Int8: -128, Uint: 7, Float: 1.5, Duration: 90 * time.Second,
		Size: config.MiB, Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Day: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC),
		URL: url.URL{Scheme: "https", Host: "h", Path: "/p"}, Link: &url.URL{Scheme: "http", Host: "l"}, Zone: time.UTC, Raw: []byte("a,b"),
		Texts: []string{"a", "b"}, Ints: []int{1, 2}, Durations: []time.Duration{time.Second, 2 * time.Minute, 500 * time.Millisecond},
		Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")},
		Address:  netip.MustParseAddrPort("127.0.0.1:80"), Map: map[string]int{"a": 1, "b": 2}, Labels: map[string]string{"u": "http://x:1"},
		Setter: setter{"set x"}, Pointer: &three, Secret: "s", Hidden: &hidden,
	}, c)
}

func TestUnsetLeavesPointersNil(t *testing.T) {
	t.Parallel()
	var c everything
	_, err := config.LoadInto(t.Context(), &c, given(nil, nil))
	require.NoError(t, err)
	assert.Equal(t, everything{}, c)
}

// Each row is a value that its type refuses. The message tells what would be right and nothing of what was there.
func TestRefusedValues(t *testing.T) {
	t.Parallel()
	const canary = "hunter2"
	for name, message := range map[string]string{
		"BOOL": "true or false", "INT": "a whole number (",
		"INT8": "a whole number in -128..127", "UINT": "in 0..65535", "WIDE": "not negative",
		"FLOAT":    "a number",
		"DURATION": "a duration such as 30s", "SIZE": "a size such as", "TIME": "a time in the layout", "DAY": "a time", "ZONE": "time zone",
		"INTS": "a list, each item a whole number", "DURATIONS": "a list, each item a duration", "NETWORKS": "a network such as 10.0.0.0/8",
		"ADDRESS": "a valid AddrPort", "MAP": "name:value pairs", "LABELS": "name:value pairs", "POINTER": "a whole number",
	} {
		var c everything
		_, err := config.LoadInto(t.Context(), &c, given(vars{name: canary}, nil))
		require.ErrorContains(t, err, "\n  "+name+": must be ")
		require.ErrorContains(t, err, message)
		require.ErrorContains(t, err, "(environment)")
		assert.NotContains(t, err.Error(), canary)
	}
}

func TestRefusedNumbers(t *testing.T) {
	t.Parallel()
	for name, values := range map[string][]string{
		"INT":      {"0x10", "0b1", "0o7", "1_000", "1e3", "1.0", "-", "+", "--1", "9223372036854775808", "٣"},
		"INT8":     {"128", "-129"},
		"UINT":     {"-1", "65536"},
		"FLOAT":    {"NaN", "inf", "1e999", "1,5"},
		"BOOL":     {"2", "y", "enabled"},
		"DURATION": {"1d", "NaN", "s", "1h30"},
		"TEXT":     {"a\x00b"},
	} {
		for _, value := range values {
			assert.Equal(t, []string{name + " type"}, problems(t, &everything{}, given(vars{name: value}, nil)), value)
		}
	}
	assert.Empty(t, problems(t, &everything{}, given(vars{"INT": "-0010", "DURATION": "-5"}, nil)))
}

func TestTheProcessEnvironmentIsLeftAlone(t *testing.T) {
	before := os.Environ()
	_, err := config.LoadInto(t.Context(), &everything{}, given(vars{"INT": "1", "BOOL": "nonsense"}, vars{".env": "INT=2\nFROM_DOTENV=1"}))
	require.Error(t, err)
	assert.Equal(t, before, os.Environ())
}

// FuzzList: what comes out of a list are trimmed items, none of them empty, in the order of the text.
func FuzzList(f *testing.F) {
	for _, seed := range []string{"a,b", " a , ,b,", ",", "", "a\tb", "ä, ö"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "\x00") {
			return
		}
		var c struct {
			Items []string `env:"ITEMS"`
		}
		_, err := config.LoadInto(t.Context(), &c, given(vars{"ITEMS": text}, nil))
		require.NoError(t, err)
		rest := text
		for _, item := range c.Items {
			require.NotEmpty(t, item)
			require.Equal(t, strings.TrimSpace(item), item)
			_, after, found := strings.Cut(rest, item)
			require.True(t, found)
			rest = after
		}
	})
}
