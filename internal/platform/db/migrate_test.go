package db_test

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
)

func sqlFile(up, down string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte("-- +goose Up\n" + up + ";\n-- +goose Down\n" + down + ";\n")}
}

var twoFiles = fstest.MapFS{
	"00001_one.sql": sqlFile("create table one (id int); select pg_sleep(0.1)", "drop table one"),
	"00002_two.sql": sqlFile("create table two (id int)", "drop table two"),
}

func migrator(t testing.TB, dsn string, files fs.FS) *db.Migrator {
	t.Helper()
	_, log := newRecorder(t)
	m, err := db.NewMigrator(t.Context(), settings(dsn), files, log)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

func emptyDatabase(t testing.TB) string {
	t.Helper()
	return platformtest.Database(t, platformtest.Template{Name: "empty"})
}

func TestMigrateUpAndDown(t *testing.T) {
	t.Parallel()
	m := migrator(t, emptyDatabase(t), twoFiles)
	at := func(want int64) {
		t.Helper()
		v, err := m.Version(t.Context())
		require.NoError(t, err)
		assert.Equal(t, want, v)
	}
	at(0)
	require.NoError(t, m.Up(t.Context()))
	at(2)
	require.NoError(t, m.Up(t.Context()), "nothing to do is no error")
	require.NoError(t, m.Down(t.Context()))
	at(1)
	status, err := m.Status(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []db.Migration{{1, "00001_one.sql", true}, {2, "00002_two.sql", false}}, status)
	require.NoError(t, m.Down(t.Context()))
	require.NoError(t, m.Down(t.Context()), "nothing to undo is no error")
	at(0)
	require.NoError(t, m.Up(t.Context()), "and up again")
}

func TestReplicasMigrateAtOnce(t *testing.T) {
	t.Parallel()
	dsn := emptyDatabase(t)
	results := make(chan error, 4)
	for range 4 {
		m := migrator(t, dsn, twoFiles)
		go func() { results <- m.Up(t.Context()) }()
	}
	for range 4 {
		assert.NoError(t, <-results)
	}
	v, err := migrator(t, dsn, twoFiles).Version(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, 2, v)
}

func TestFailedMigrationIsNamed(t *testing.T) {
	t.Parallel()
	m := migrator(t, emptyDatabase(t), fstest.MapFS{
		"00001_one.sql":  twoFiles["00001_one.sql"],
		"00002_typo.sql": sqlFile("create tabel two (id int)", "drop table two"),
	})
	err := m.Up(t.Context())
	require.ErrorContains(t, err, "00002_typo.sql")
	assert.Equal(t, "42601", db.SQLState(err))
	assert.Equal(t, errors.CodeDatabase, errors.From(err, db.MapError).Code)
	v, err := m.Version(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, 1, v, "the one before it stays")

	bad := migrator(t, emptyDatabase(t), fstest.MapFS{"00001_one.sql": sqlFile("select 1", "selec 1")})
	require.NoError(t, bad.Up(t.Context()))
	assert.Error(t, bad.Down(t.Context()))
}

func TestMigratorNeedsFilesAndAServer(t *testing.T) {
	t.Parallel()
	_, log := newRecorder(t)
	dsn := emptyDatabase(t)
	_, err := db.NewMigrator(t.Context(), settings(dsn), fstest.MapFS{}, log)
	assert.Error(t, err, "no files")
	_, err = db.NewMigrator(t.Context(), settings("mysql://u:canary@h/d"), twoFiles, logging.Logger{})
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "canary")
	_, err = db.NewMigrator(t.Context(), settings(platformtest.As(t, dsn, "nobody_at_all", "canary")), twoFiles, log)
	assert.True(t, errors.HasCode(err, errors.CodeServiceUnavailable), err)
}

func TestLatest(t *testing.T) {
	t.Parallel()
	v, err := db.Latest(twoFiles)
	require.NoError(t, err)
	assert.EqualValues(t, 2, v)
	v, err = db.Latest(fstest.MapFS{})
	require.NoError(t, err)
	assert.Zero(t, v)
	_, err = db.Latest(fstest.MapFS{"notes.sql": {}})
	assert.Error(t, err)
}
