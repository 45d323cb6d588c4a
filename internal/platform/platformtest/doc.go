// Package platformtest holds fixtures for tests: a real PostgreSQL with one database per test, a TCP proxy that injects
// faults and counts round trips, and a polling helper.
//
// A package that uses the database has this TestMain, which also looks for leaked goroutines:
//
//	func TestMain(m *testing.M) { platformtest.Main(m) }
//
// A test then asks for a database, which is a clone of a template. The first test of all processes that needs a template
// prepares it; its name holds the hash of the migrations, so that a changed migration means a new template:
//
//	dsn := platformtest.Database(t, platformtest.Template{Name: "app", Hash: migrations.Hash(), Prepare: migrate})
//
// # Which server
//
// Each test process has one server, started when the first test asks for it, and says on stderr which one it is. The first
// that works is taken:
//
//  1. TEST_DATABASE_URL: a server that runs already, as a superuser.
//  2. A container, where Docker answers and has the image or can pull it. TEST_POSTGRES_IMAGE names the image, by default
//     postgres:17-alpine. An image from a private registry has to be pulled beforehand.
//  3. Server binaries of this machine, version 15 or newer.
//  4. Downloaded server binaries.
//
// TEST_POSTGRES_PROVIDER set to container, binaries or download allows that one only, and its failure fails the tests.
//
// # What a failed test leaves
//
// The database of a failed test is kept, and so is its server: the DSN and the command that ends it are printed. A container
// is kept only where TESTCONTAINERS_RYUK_DISABLED is true, because otherwise testcontainers removes it with the process. What
// has been kept for two hours is removed by a later run. A test process that is killed leaves no server behind: binaries are
// stopped by a guard that sees the process end, containers by testcontainers or by a later run.
//
// # Lifting it out
//
// Copy the folder together with errors, logging and db/embedded. It imports lib/pq, testcontainers-go with its postgres
// module, moby/client and goleak.
package platformtest
