package config_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// all is a configuration as a program has it: sections that embed Base, and one check across them.
type all struct {
	Rules   ruled
	Types   everythingElse `env-prefix:"T_"`
	Section section
}

type everythingElse struct {
	Number int               `env:"NUMBER"`
	Map    map[string]int    `env:"MAP"`
	Labels map[string]string `env:"LABELS"`
	Must   string            `env:"MUST" env-rule:"required"`
	Secret config.Secret     `env:"SECRET"`
}

func TestEverythingWrongAtOnce(t *testing.T) {
	t.Parallel()
	o := given(vars{
		"APP_ENVIRONMENT": "production", "APP_DEBUG": "true", "LOG_LEVEL": "canary", "LOG_FORMAT": "canary",
		"INT": "0", "LOW": "-9", "HIGH": "canary", "UINT": "-1", "DURATION": "1h", "SIZE": "canary", "LEVEL": "canary", "CHAIN": "canary,claude",
		"SITE": "canary", "SITES": "http://canary", "PARSED": "canary", "ADDR": "canary", "NAME": "canary", "KEY": "canary",
		"T_NUMBER": "canary", "T_MAP": "canary", "T_LABELS": "canary", "T_SECRET_FILE": "/canary",
		"LEAST": "canary", "MOST": "1s", "ENV_FILE": "/bad.env",
	}, vars{"/bad.env": "=canary\nX=\"canary\nY: canary"})
	assert.Equal(t, []string{
		"ENV_FILE name", "ENV_FILE quote", "ENV_FILE delimiter", "ELSEWHERE unknown",
		"INT range", "LOW range", "HIGH type", "UINT type", "DURATION range", "SIZE type", "LEVEL oneof", "CHAIN oneof", "SITE url", "SITES url",
		"PARSED url", "ADDR addr", "NAME oneof", "KEY strong",
		"T_NUMBER type", "T_MAP type", "T_LABELS type", "T_MUST required", "T_SECRET file",
		"APP_DEBUG production", "LOG_LEVEL oneof", "LOG_FORMAT oneof", "LEAST type", "MOST order", "UNASKED required",
	}, problems(t, &all{}, o))

	_, err := config.LoadInto(t.Context(), &all{}, o)
	assert.NotContains(t, err.Error(), "canary")
	assert.Len(t, strings.Split(err.Error(), "\n"), 30, "a heading and a line for each")
}

// Whatever the values are, an error never holds one.
func TestErrorsNeverHoldAValue(t *testing.T) {
	t.Parallel()
	names := []string{"INT", "LOW", "HIGH", "UINT", "DURATION", "SIZE", "LEVEL", "CHAIN", "SITE", "SITES", "PARSED", "ADDR", "NAME", "KEY",
		"APP_ENVIRONMENT", "LOG_LEVEL", "T_NUMBER", "T_MAP", "T_LABELS", "T_SECRET", "LEAST", "MOST"}
	rapid.Check(t, func(t *rapid.T) {
		const canary = "#hunter2#"
		process := vars{}
		var file strings.Builder
		for _, name := range names {
			value := rapid.StringOf(rapid.SampledFrom([]rune("0a:/%,=-. \"'\\${}<\n\x00é"))).Draw(t, name)
			at := rapid.IntRange(0, len([]rune(value))).Draw(t, "at")
			value = string([]rune(value)[:at]) + canary + string([]rune(value)[at:])
			switch rapid.IntRange(0, 3).Draw(t, "where") {
			case 0:
				process[name] = value
			case 1:
				process[name+"_FILE"] = value
			case 2:
				file.WriteString(name + "=" + value + "\n")
			}
		}
		_, err := config.LoadInto(t.Context(), &all{}, given(process, vars{".env": file.String()}))
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Fatalf("the error holds a value: %v", err)
		}
	})
}

func TestConcurrentLoads(t *testing.T) {
	t.Parallel()
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			want := strings.Repeat("x", i+1)
			var c struct {
				Text string `env:"TEXT"`
			}
			_, err := config.LoadInto(t.Context(), &c, given(vars{"TEXT": want}, nil))
			assert.NoError(t, err)
			assert.Equal(t, want, c.Text)
		})
	}
	wg.Wait()
}

func TestEvents(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	core, err := logging.NewCore(logging.Options{App: "notes", Environment: "staging", Level: "info", Format: "json", Output: &out})
	require.NoError(t, err)
	log := logging.New(core, "config")

	config.LogLoaded(context.Background(), log, config.Base{AppName: "notes", Environment: config.Staging})
	_, failure := config.LoadInto(t.Context(), &section{}, given(vars{"LEAST": "canary"}, nil))
	config.LogFailed(context.Background(), log, failure)
	config.LogFailed(context.Background(), log, errors.Sentinel("not one of ours"))

	var events []map[string]any
	for decoder := json.NewDecoder(&out); decoder.More(); {
		var event map[string]any
		require.NoError(t, decoder.Decode(&event))
		events = append(events, event)
	}
	require.Len(t, events, 3)
	assert.Equal(t, "config_loaded", events[0]["event"])
	assert.Equal(t, "info", events[0]["level"])
	assert.Equal(t, "notes", events[0]["app_name"])
	assert.Equal(t, "staging", events[0]["environment"])
	assert.Equal(t, "config_validation_failed", events[1]["event"])
	assert.Equal(t, "error", events[1]["level"])
	assert.Equal(t, []any{"ELSEWHERE", "LEAST", "MOST"}, events[1]["fields"])
	assert.Contains(t, events[1]["error"], "LEAST: must be a duration")
	assert.Equal(t, []any{}, events[2]["fields"])
}
