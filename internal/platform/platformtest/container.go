package platformtest

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/log"
	"github.com/testcontainers/testcontainers-go/modules/postgres"
	"github.com/testcontainers/testcontainers-go/wait"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

const (
	defaultImage = "postgres:17-alpine"

	pingTimeout  = 3 * time.Second
	pullTimeout  = 90 * time.Second
	readyTimeout = 60 * time.Second
)

// disableLog keeps the library's progress out of the output of the tests.
var disableLog = sync.OnceFunc(func() { log.SetDefault(log.NewNoopLogger()) })

// startContainer runs the image when a Docker engine has it or can pull it.
func startContainer(ctx context.Context, image string) (*server, error) {
	image = cmp.Or(image, defaultImage)
	disableLog()
	engine, err := connectDocker(ctx)
	if err != nil {
		return nil, err
	}
	docker := engine.Client()
	if err := ensureImage(ctx, docker, image); err != nil {
		return nil, errors.Join(err, engine.Close())
	}
	args := []string{"postgres"}
	for name, value := range settings {
		args = append(args, "-c", name+"="+value)
	}
	password := rand.Text()
	c, err := postgres.Run(ctx, image,
		postgres.WithDatabase("postgres"),
		postgres.WithUsername("postgres"),
		postgres.WithPassword(password),
		testcontainers.WithCmd(args...),
		testcontainers.WithWaitStrategy(wait.ForSQL("5432/tcp", "postgres", func(host string, port network.Port) string {
			const format = "postgres://postgres:%s@%s:%d/postgres?sslmode=disable&connect_timeout=5"
			return fmt.Sprintf(format, password, host, port.Num())
		}).WithStartupTimeout(readyTimeout).WithPollInterval(50*time.Millisecond)),
	)
	if err != nil {
		// TerminateContainer accepts a nil container.
		return nil, errors.Join(err, testcontainers.TerminateContainer(c), engine.Close())
	}
	dsn, err := c.ConnectionString(ctx, "sslmode=disable")
	if err != nil {
		return nil, errors.Join(err, testcontainers.TerminateContainer(c), engine.Close())
	}
	return &server{
		dsn:    dsn,
		origin: "from a container (" + image + ")",
		stop: func(ctx context.Context) error {
			return errors.Join(testcontainers.TerminateContainer(c, testcontainers.StopContext(ctx)), engine.Close())
		},
		keep: func() string {
			if !engine.Config().RyukDisabled {
				return "the container ends with this process: set TESTCONTAINERS_RYUK_DISABLED=true to keep it"
			}
			return "the server is kept for its databases, end it with: docker rm -fv " + c.GetContainerID()[:12]
		},
		kill: func(ctx context.Context) error {
			_, err := docker.ContainerKill(ctx, c.GetContainerID(), client.ContainerKillOptions{Signal: "SIGKILL"})
			if err != nil {
				return fmt.Errorf("kill the container: %w", err)
			}
			return nil
		},
		restart: func(ctx context.Context) (string, error) {
			if err := c.Start(ctx); err != nil {
				return "", fmt.Errorf("start the container again: %w", err)
			}
			return c.ConnectionString(ctx, "sslmode=disable") // the port is another one
		},
	}, nil
}

// connectDocker finds the engine. The library takes no context here, and panics on some machines
// without an engine, so it runs in a goroutine that recovers.
func connectDocker(ctx context.Context) (*testcontainers.DockerProvider, error) {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	var engine *testcontainers.DockerProvider
	var err error
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		defer func() {
			if cause := recover(); cause != nil {
				err = fmt.Errorf("no Docker engine: %v", cause)
			}
		}()
		if engine, err = testcontainers.NewDockerProvider(); err == nil {
			err = engine.Health(ctx)
		}
	}()
	select {
	case <-asked:
		if err != nil {
			return nil, fmt.Errorf("connect to Docker: %w", err)
		}
		return engine, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("connect to Docker: %w", ctx.Err())
	}
}

// ensureImage pulls the image unless the engine has it. It tries once; the library would retry
// until ctx ends.
func ensureImage(ctx context.Context, docker client.APIClient, image string) error {
	if _, err := docker.ImageInspect(ctx, image); err == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, pullTimeout)
	defer cancel()
	pull, err := docker.ImagePull(ctx, image, client.ImagePullOptions{})
	if err != nil {
		return fmt.Errorf("pull %s: %w", image, err)
	}
	if err := errors.Join(pull.Wait(ctx), pull.Close()); err != nil {
		return fmt.Errorf("pull %s: %w", image, err)
	}
	return nil
}
