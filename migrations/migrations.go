// Package migrations holds the schema of the service as numbered SQL files in goose's format. A file that has been released
// is never changed; the next change is the next file.
//
// Every file is written so that replicas of the previous release go on while it is applied: add first, remove in a later
// release. A table with a tenant_id has row security, enabled and forced, with a policy for its tenant; a test reads the
// catalogue and fails for one that has not.
package migrations

import "embed"

// Files are the migrations.
//
//go:embed *.sql
var Files embed.FS
