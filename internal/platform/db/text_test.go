package db_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
)

func TestText(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "", "é\x00": "é\ufffd", "a\xffb": "a\ufffdb", strings.Repeat("é", 9): strings.Repeat("é", 4), "abcd": "abcd",
	} {
		assert.Equal(t, want, db.Text(in, 4), "%q", in)
	}
}
