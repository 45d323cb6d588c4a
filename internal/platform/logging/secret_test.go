package logging_test

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

func TestSecretNeverShows(t *testing.T) {
	t.Parallel()
	const value = "hunter2"
	s := logging.Secret(value)
	type config struct{ S, Empty logging.Secret }
	holder := config{S: s}
	var shown strings.Builder
	for _, verb := range strings.Split("v +v #v s q x X d o b c e f g t U 10s -3q", " ") {
		fmt.Fprintf(&shown, "%"+verb+" %"+verb+" %"+verb+"\n", s, &s, holder)
	}
	asJSON, err := json.Marshal(holder)
	require.NoError(t, err)
	asXML, err := xml.Marshal(holder)
	require.NoError(t, err)
	slog.New(slog.NewTextHandler(&shown, nil)).Info("x", "s", s, "holder", holder)
	log, out := newLogger(t)
	log.Info(t.Context(), "e", logging.Any("s", s), logging.Any("p", &s), logging.Any("h", holder))
	all := shown.String() + string(asJSON) + string(asXML) + out.text() + fmt.Sprint(s) + s.String() + s.GoString()
	assert.NotContains(t, all, value)
	assert.NotContains(t, all, fmt.Sprintf("%x", value))
	assert.JSONEq(t, `{"S":"[REDACTED]","Empty":"[REDACTED]"}`, string(asJSON))
	assert.Equal(t, "[REDACTED]", out.last(t)["p"])
}

func TestSecretReveals(t *testing.T) {
	t.Parallel()
	var holder struct{ S logging.Secret }
	assert.True(t, holder.S.IsZero())
	require.NoError(t, json.Unmarshal([]byte(`{"S":"hunter2"}`), &holder))
	assert.Equal(t, "hunter2", holder.S.Reveal())
	assert.False(t, holder.S.IsZero())
}
