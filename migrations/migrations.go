// Package migrations contains the database schema as numbered SQL files in goose's format. The
// statements of a released file are never changed; a change is a new file.
//
// A migration must not break replicas of the previous release: add first, remove in a later
// release; docs/migrations.md shows how. Every table with a tenant_id enables and forces row security
// and has a policy for its tenant, as the SQL function tenant_table sets them. Every migration grants
// app_role what the service needs of its tables. schema.txt describes the result; tests compare.
package migrations

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// Files are the migrations.
//
//go:embed *.sql
var Files embed.FS

// Latest returns the version of the schema that they create: the number of the last file.
func Latest() int64 {
	names, _ := fs.Glob(Files, "*.sql") // sorted; the pattern is well-formed
	number, _, _ := strings.Cut(names[len(names)-1], "_")
	version, _ := strconv.ParseInt(number, 10, 64) // each name begins with five digits
	return version
}

// Hash returns a hash of all files. It identifies the schema that they create.
func Hash() string {
	h := sha256.New()
	names, _ := fs.Glob(Files, "*.sql") // the pattern is well-formed
	for _, name := range names {
		text, _ := fs.ReadFile(Files, name) // an embedded file can be read
		fmt.Fprintf(h, "%s\n%d\n%s", name, len(text), text)
	}
	return hex.EncodeToString(h.Sum(nil))
}
