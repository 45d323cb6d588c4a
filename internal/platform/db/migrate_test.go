package db_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

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
	assert.Equal(t, []db.Migration{{1, "00001_one.sql", true, false}, {2, "00002_two.sql", false, false}}, status)
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

func TestStatusWritesNothing(t *testing.T) {
	t.Parallel()
	dsn := emptyDatabase(t)
	m := migrator(t, dsn, twoFiles)
	pending, err := m.Pending(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []db.Migration{{1, "00001_one.sql", false, false}, {2, "00002_two.sql", false, false}}, pending)
	_, err = m.Version(t.Context())
	require.NoError(t, err)
	var tables int
	require.NoError(t, superuser(t, dsn).QueryRowContext(t.Context(),
		"select count(*) from pg_class where relnamespace = 'public'::regnamespace").Scan(&tables))
	assert.Zero(t, tables)
}

func TestChangedMigrationIsNamed(t *testing.T) {
	t.Parallel()
	const original = "-- +goose Up\ncreate table one (id int);\ncreate table two (id int); -- part:two\n-- +goose Down\ndrop table one;\n"
	tests := map[string]struct {
		text    string
		changed bool
	}{
		"a column":                {strings.Replace(original, "id int", "id bigint", 1), true},
		"the way back":            {strings.Replace(original, "drop table one", "drop table one cascade", 1), true},
		"a comment in a line":     {strings.Replace(original, "one (id int);", "one (id int); -- why", 1), true},
		"an annotation":           {strings.Replace(original, "+goose Up", "+goose Up\n-- +goose NO TRANSACTION", 1), true},
		"a line of comment":       {"-- The first tables.\n--\n" + original, false},
		"space":                   {strings.Replace(original, "one (id int);", "one\n\t(id int);\n", 1), false},
		"a deleted part":          {strings.Replace(original, "create table two (id int); -- part:two\n", "", 1), false},
		"a part of several lines": {original + "-- part:two begin\ndrop table\ntwo;\n-- part:two end\n", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := emptyDatabase(t)
			files := func(one string) fs.FS {
				return fstest.MapFS{"00001_one.sql": {Data: []byte(one)}, "00002_last.sql": sqlFile("create table last (id int)", "drop table last")}
			}
			first := migrator(t, dsn, fstest.MapFS{"00001_one.sql": {Data: []byte(original)}})
			require.NoError(t, first.Up(t.Context()))
			m := migrator(t, dsn, files(tt.text))
			if !tt.changed {
				require.NoError(t, m.Up(t.Context()))
				return
			}
			err := m.Up(t.Context())
			require.ErrorContains(t, err, "migration 00001_one.sql was changed after it had been applied")
			status, listed := m.Status(t.Context())
			require.NoError(t, listed)
			assert.Equal(t, []db.Migration{{1, "00001_one.sql", true, true}, {2, "00002_last.sql", false, false}}, status)

			_, statement, _ := strings.Cut(err.Error(), ", run: ")
			_, err = superuser(t, dsn).ExecContext(t.Context(), statement)
			require.NoError(t, err)
			require.NoError(t, m.Up(t.Context()), "the change is accepted")
			require.ErrorContains(t, migrator(t, dsn, files(original)).Up(t.Context()), "00001_one.sql", "and recorded")
		})
	}
}

// A database from before the checksums, one whose files were deleted, and one that a migration failed on.
func TestChecksumsAreRecordedLater(t *testing.T) {
	t.Parallel()
	dsn := emptyDatabase(t)
	m := migrator(t, dsn, twoFiles)
	require.NoError(t, m.Up(t.Context()))
	_, err := superuser(t, dsn).ExecContext(t.Context(), "alter table goose_db_version drop column checksum")
	require.NoError(t, err)
	require.NoError(t, m.Up(t.Context()))
	changed := sqlFile("create table two (id bigint)", "drop table two")
	require.ErrorContains(t, migrator(t, dsn, fstest.MapFS{"00002_two.sql": changed}).Up(t.Context()), "00002_two.sql")

	require.NoError(t, m.Down(t.Context()))
	fails := fstest.MapFS{"00002_two.sql": changed, "00003_typo.sql": sqlFile("create tabel three (id int)", "")}
	require.ErrorContains(t, migrator(t, dsn, fails).Up(t.Context()), "00003_typo.sql", "the changed file is new after Down")
	require.ErrorContains(t, m.Up(t.Context()), "migration 00002_two.sql was changed")
}

func TestMigrationsWaitBrieflyForLocks(t *testing.T) {
	t.Parallel()
	dsn := emptyDatabase(t)
	files := fstest.MapFS{
		"00001_one.sql": sqlFile("create table one as select current_setting('lock_timeout') as lock_timeout", "drop table one"),
		"00002_two.sql": sqlFile("create table two (id int); alter table one add column two int", "drop table two"),
	}
	require.NoError(t, migrator(t, dsn, fstest.MapFS{"00001_one.sql": files["00001_one.sql"]}).Up(t.Context()))
	admin := superuser(t, dsn)
	var limit string
	require.NoError(t, admin.QueryRowContext(t.Context(), "select lock_timeout from one").Scan(&limit))
	assert.Equal(t, "5s", limit)

	reader, err := admin.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	require.NoError(t, reader.QueryRowContext(t.Context(), "select lock_timeout from one").Scan(&limit))
	m := migrator(t, dsn+"&lock_timeout=50", files)
	begin := time.Now()
	err = m.Up(t.Context())
	assert.Less(t, time.Since(begin), 4*time.Second, "the DSN takes precedence")
	require.ErrorContains(t, err, "00002_two.sql")
	assert.Equal(t, "55P03", db.SQLState(err))
	require.NoError(t, reader.Rollback())
	assert.NoError(t, m.Up(t.Context()), "nothing of the file was applied before")
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
	v, err := m.Version(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, 1, v, "the one before it stays")

	bad := migrator(t, emptyDatabase(t), fstest.MapFS{"00001_one.sql": sqlFile("select 1", "selec 1")})
	require.NoError(t, bad.Up(t.Context()))
	assert.Error(t, bad.Down(t.Context()))
}

func TestCheckPrivileges(t *testing.T) {
	t.Parallel()
	dsn := database(t) // creates the role
	m := migrator(t, dsn, twoFiles)
	require.NoError(t, m.Up(t.Context()))
	err := m.CheckPrivileges(t.Context(), appRole)
	require.ErrorContains(t, err, "db_test_role has no privileges on the tables goose_db_version, one, two: run: grant ")
	_, statement, _ := strings.Cut(err.Error(), "run: ")
	_, err = superuser(t, dsn).ExecContext(t.Context(), statement)
	require.NoError(t, err)
	require.NoError(t, m.CheckPrivileges(t.Context(), appRole))

	_, err = superuser(t, dsn).ExecContext(t.Context(), "revoke all on one from db_test_role; grant update (id) on one to db_test_role")
	require.NoError(t, err)
	assert.NoError(t, m.CheckPrivileges(t.Context(), appRole), "a privilege on a column")
	assert.NoError(t, m.CheckPrivileges(t.Context(), "no_such_role"))
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
