package dotenv_test

import (
	"os"
	"strings"
	"testing"

	"github.com/joho/godotenv"

	"github.com/netrun-systems/go-service-template/internal/platform/env/dotenv"
)

// file is 60 lines of the usual kind: comments, bare, quoted and multi-line values.
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
		if _, err := dotenv.Parse(file, dotenv.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseExpand(b *testing.B) {
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := dotenv.Parse(file, dotenv.Options{Expand: os.LookupEnv}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpenQuotes is the worst case of a parser that looks for a closing quote to the end: it must stay linear.
func BenchmarkOpenQuotes(b *testing.B) {
	src := []byte("A='" + strings.Repeat("\nA=\\'", 10_000))
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		_, _ = dotenv.Parse(src, dotenv.Options{})
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
