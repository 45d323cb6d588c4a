package errors_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

func TestNewCorrelationIDsAreUniqueAndSortByTime(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 10_000 {
		seen[errors.NewCorrelationID()] = true
	}
	assert.Len(t, seen, 10_000)

	before := time.Now().Truncate(time.Millisecond)
	id := uuid.MustParse(errors.NewCorrelationID())
	assert.Equal(t, uuid.Version(7), id.Version())
	assert.Equal(t, uuid.RFC4122, id.Variant())
	seconds, nanoseconds := id.Time().UnixTime()
	assert.WithinRange(t, time.Unix(seconds, nanoseconds), before, time.Now())
}

func TestContextWithoutCorrelationID(t *testing.T) {
	t.Parallel()
	assert.Empty(t, errors.CorrelationID(t.Context()))
}

func FuzzValidCorrelationID(f *testing.F) {
	for _, seed := range []string{"", "a", "a\r\nSet-Cookie: x", "ü", strings.Repeat("a", 129), "0-9._:"} {
		f.Add(seed)
	}
	allowed := regexp.MustCompile(`\A[A-Za-z0-9._:-]{1,128}\z`)
	f.Fuzz(func(t *testing.T, id string) {
		if errors.ValidCorrelationID(id) != allowed.MatchString(id) {
			t.Fatalf("%q", id)
		}
	})
}
