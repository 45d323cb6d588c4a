package logging_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

func TestConsole(t *testing.T) {
	t.Parallel()
	core, out := newCore(t, logging.Options{App: "a", Format: "Console", Level: "debug"})
	log := logging.New(core, "app/notes")
	ctx := logging.Bind(errors.WithCorrelationID(t.Context(), "id-1"), logging.String("a", "bound"), logging.String("b", "bound"))
	log.Warn(ctx, "note_created", logging.Int("n", 1), logging.String("a", "two words"), logging.String("token", "x"),
		logging.String("empty", ""), logging.Strings("l", []string{"x"}), logging.String("nl", "a\nb"))
	core.Info("an ordinary\x1b message")
	assert.Regexp(t, `^\d\d:\d\d:\d\d\.\d{3} warning  note_created app/notes correlation_id=id-1 b=bound n=1 a="two words" `+
		`token=\[REDACTED\] empty="" l=\["x"\] nl="a\\nb"\n`+
		`\d\d:\d\d:\d\d\.\d{3} info     "an ordinary\\u001b message" logrus\n$`, out.text())
}

func TestConsoleColors(t *testing.T) {
	t.Parallel()
	out := &record{}
	core := logging.ColoredCore(out)
	log := logging.New(core, "x")
	log.Debug(t.Context(), "e", logging.Int("n", 1))
	log.Info(t.Context(), "e")
	log.Warn(t.Context(), "e")
	log.Error(t.Context(), "e")
	log.Critical(t.Context(), "e")
	for _, want := range []string{"\x1b[36mdebug", "\x1b[32minfo", "\x1b[33mwarning", "\x1b[31merror",
		"\x1b[1;35mcritical", "\x1b[2mn\x1b[0m=1"} {
		assert.Contains(t, out.text(), want)
	}
}

func TestColorIsForTerminals(t *testing.T) { // not parallel: it sets the environment
	t.Setenv("NO_COLOR", "")
	file, err := os.CreateTemp(t.TempDir(), "log")
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	device, err := os.Open(os.DevNull) // a character device, as terminals are
	require.NoError(t, err)
	defer func() { _ = device.Close() }()
	assert.False(t, logging.WantsColor(&record{}))
	assert.False(t, logging.WantsColor(file))
	assert.True(t, logging.WantsColor(device))
	t.Setenv("NO_COLOR", "1")
	assert.False(t, logging.WantsColor(device))
}

func TestPackageName(t *testing.T) {
	t.Parallel()
	const module = "example.com/some/service/"
	for _, c := range [][3]string{
		{module + "internal/platform/db.init", "", "platform/db"},
		{module + "internal/app/notes.(*Service).Get.func1", "", "app/notes"},
		{module + "internal/platform/db_test.TestX", "", "platform/db"},
		{"main.init", "/src/service/cmd/api/main.go", "cmd/api"},
		{"main.main", module + "cmd/api/main.go", "cmd/api"},
		{"gopkg.in/yaml%2ev3.Load", "", "gopkg.in/yaml.v3"},
		{"strings.Cut", "", "strings"},
		{"nothing", "", "nothing"},
		{"internal/abi.Escape", "", "abi"},
		{"example.com/notinternal/x.F", "", "notinternal/x"},
	} {
		assert.Equal(t, c[2], logging.PackageName(c[0], c[1]), c[0])
	}
}
