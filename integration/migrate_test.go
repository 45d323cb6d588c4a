package integration

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/platformtest"
	"github.com/netrun-systems/go-service-template/migrations"
)

func TestFourProcessesMigrateAtOnce(t *testing.T) {
	t.Parallel()
	dsn := platformtest.Database(t, platformtest.Template{Name: "empty"})
	var processes []*service
	for range 4 {
		processes = append(processes, launch(t, t.TempDir(), env{}.list(dsn), "migrate", "up"))
	}
	for _, p := range processes {
		assert.Zero(t, p.exit(t), p.stderr.String())
		assert.Empty(t, p.dump(), "logs go to stderr")
	}
	var applied int
	require.NoError(t, apptest.Superuser(t, dsn).QueryRowContext(t.Context(), "select count(*) from goose_db_version where version_id > 0").Scan(&applied))
	latest, err := db.Latest(migrations.Files)
	require.NoError(t, err)
	assert.EqualValues(t, latest, applied, "each once")
}

func TestFourReplicasStartOnAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	dsn := platformtest.Database(t, platformtest.Template{Name: "empty"})
	key := signingKey(t)
	var replicas []*service
	for range 4 {
		replicas = append(replicas, launch(t, t.TempDir(), env{"AUTH_JWT_PRIVATE_KEY": key}.list(dsn)))
	}
	for _, r := range replicas {
		r.client = client{t: t, base: "http://" + r.await(t, "service_started")["addr"].(string)}
		r.ready(t, true)
	}
	ada := replicas[0].client.register()
	ada.note("seen by all")
	for _, r := range replicas {
		ada.base = r.client.base
		assert.Equal(t, []string{"seen by all"}, ada.titles(""))
	}
}

func TestMigrateCommands(t *testing.T) {
	t.Parallel()
	dsn := platformtest.Database(t, platformtest.Template{Name: "empty"})
	run := func(command string) string {
		p := launch(t, t.TempDir(), env{}.list(dsn), "migrate", command)
		require.Zero(t, p.exit(t), p.stderr.String())
		return p.output()
	}
	latest, err := db.Latest(migrations.Files)
	require.NoError(t, err)
	assert.Equal(t, "0", run("version"))
	run("up")
	assert.Equal(t, fmt.Sprint(latest), run("version"))
	assert.NotContains(t, run("status"), "pending")
	run("down")
	assert.NotEqual(t, fmt.Sprint(latest), run("version"))
	assert.Contains(t, run("status"), "pending")
}

func TestSchemaThatIsBehindIsNotReady(t *testing.T) {
	t.Parallel()
	dsn := platformtest.Database(t, apptest.Migrated)
	down := launch(t, t.TempDir(), env{}.list(dsn), "migrate", "down")
	require.Zero(t, down.exit(t), down.stderr.String())
	s := startOn(t, dsn, env{"DB_AUTO_MIGRATE": "false"})
	s.ready(t, false)
	assert.Equal(t, 200, s.client.get("/healthz").status, "alive all the same")
	assert.Equal(t, "failed", s.client.get("/readyz").text("checks.schema.status"))
	up := launch(t, t.TempDir(), env{}.list(dsn), "migrate", "up")
	require.Zero(t, up.exit(t), up.stderr.String())
	s.ready(t, true)
}
