// Package migrations holds the schema of the service as numbered SQL files in goose's format. A file that has been released
// is never changed; the next change is the next file.
//
// Every file is written so that replicas of the previous release go on while it is applied: add first, remove in a later
// release. A table with a tenant_id has row security, enabled and forced, with a policy for its tenant; a test reads the
// catalogue and fails for one that has not.
package migrations

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
)

// Files are the migrations.
//
//go:embed *.sql
var Files embed.FS

// Hash names the state of the schema that the files lead to: it changes with any of them.
func Hash() string {
	h := sha256.New()
	names, _ := fs.Glob(Files, "*.sql") // the pattern is well-formed
	for _, name := range names {
		text, _ := fs.ReadFile(Files, name) // embedded: it is there
		fmt.Fprintf(h, "%s\n%d\n%s", name, len(text), text)
	}
	return hex.EncodeToString(h.Sum(nil))
}
