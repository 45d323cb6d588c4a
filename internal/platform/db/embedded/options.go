package embedded

import (
	"context"
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// ErrInUse is returned by [Start] when another process runs a server in the directory.
var ErrInUse = errors.Sentinel("the directory is in use")

// ErrNoBinaries is returned by [Find] when there are no usable server binaries on this machine.
var ErrNoBinaries = errors.Sentinel("no PostgreSQL server binaries of version 15 or newer")

// ErrOtherVersion is returned by [Start] when the data was made by another major version.
var ErrOtherVersion = errors.Sentinel("the data was made by another version of PostgreSQL")

const (
	defaultStartTimeout = time.Minute
	defaultStopTimeout  = 10 * time.Second
)

// Options configures [Start]. Only Dir is required.
type Options struct {
	// Dir holds the data, the password, the log and the lock. It is made when missing, and its content is kept.
	Dir string
	// Log tells of directories and downloads that a developer should know of. The zero value means the package's own.
	Log logging.Logger
	// Settings are parameters of the server, such as max_connections.
	Settings map[string]string
	// Binaries chooses the server. Nil takes what [Find] finds, best in the version of the data, else what [Download] gets.
	Binaries func(ctx context.Context) (Binaries, error)
	// Download configures the download that nil Binaries may lead to.
	Download DownloadOptions
	// StartTimeout bounds the wait for the first answer, recovery after a crash included; zero means 1 minute.
	StartTimeout time.Duration
	// StopTimeout bounds the fast shutdown, before an immediate one; zero means 10 seconds.
	StopTimeout time.Duration
	// Scratch says that the data need not survive a crash of the machine, which makes the first start faster.
	Scratch bool
	// Detachable makes [Server.Detach] possible. A guard process then watches over the server instead of the kernel.
	Detachable bool
}

func (o Options) withDefaults() Options {
	if o.Log.IsZero() {
		o.Log = log
	}
	if o.StartTimeout <= 0 {
		o.StartTimeout = defaultStartTimeout
	}
	if o.StopTimeout <= 0 {
		o.StopTimeout = defaultStopTimeout
	}
	return o
}
