// Package platformtest provides fixtures for tests: a real PostgreSQL with one database per test,
// PgBouncer in front of it, a TCP proxy that injects faults and counts round trips, and a polling
// helper.
//
// A package whose tests use the database has this TestMain, which also detects leaked goroutines:
//
//	func TestMain(m *testing.M) { platformtest.Main(m) }
//
// A test then asks for a database, which is a clone of a template. The first test of all processes
// that needs a template prepares it. Its name contains the hash of the migrations, so a changed
// migration means a new template:
//
//	dsn := platformtest.Database(t, platformtest.Template{Name: "app", Hash: migrations.Hash(), Prepare: migrate})
//
// # Which server
//
// Each test process has one server, started when the first test asks for it, and prints on stderr
// which one it is. It is the first that works of:
//
//  1. TEST_DATABASE_URL: the URL of a server that runs already, of a superuser.
//  2. A container, when Docker answers and has the image or can pull it. TEST_POSTGRES_IMAGE names
//     the image, by default postgres:17-alpine. Pull an image of a private registry beforehand.
//  3. Server binaries of this machine, version 15 or newer.
//  4. Downloaded server binaries.
//
// TEST_POSTGRES_PROVIDER set to container, binaries or download allows only that one; when it
// fails, the tests fail.
//
// # After a failed test
//
// With TEST_KEEP=1 the database of a failed test is kept with its server, and the output has the
// psql command for it and the command that ends the server. Server binaries run for two hours more;
// their data is removed by a run on a later day. A container is kept only when
// TESTCONTAINERS_RYUK_DISABLED is true too, because otherwise testcontainers removes it with the
// process. A killed test process leaves no server: binaries have a guard process, containers are
// removed by testcontainers.
//
// # Lifting it out
//
// Copy this folder and internal/platform/errors, internal/platform/logging and
// internal/platform/db/embedded. It imports lib/pq, testcontainers-go with its postgres module,
// moby/client and goleak; its tests import testify.
package platformtest
