package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestWelcome(t *testing.T) {
	text := welcome("[::]:8080", "postgres://ada:hunter2@db:5432/app")
	assert.Equal(t, 4, strings.Count(text, "\n"))
	for _, want := range []string{"http://127.0.0.1:8080\n", "postgres://ada@db:5432/app\n", "http://127.0.0.1:8080/v1/auth/register\n", "README.md"} {
		assert.Contains(t, text, want)
	}
	assert.NotContains(t, text, "hunter2")
}
