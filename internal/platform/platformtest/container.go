package platformtest

import (
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
	defaultImage   = "postgres:17-alpine"
	containerLabel = "platformtest.postgres"

	pingTimeout  = 3 * time.Second
	pullTimeout  = 90 * time.Second
	readyTimeout = 60 * time.Second
)

// silence keeps the library's progress out of the output of the tests.
var silence = sync.OnceFunc(func() { log.SetDefault(log.NewNoopLogger()) })

// startContainer runs the image, when there is a Docker engine that has it or can get it.
func startContainer(ctx context.Context, image string) (*running, error) {
	if image == "" {
		image = defaultImage
	}
	silence()
	engine, err := connectDocker(ctx)
	if err != nil {
		return nil, err
	}
	docker := engine.Client()
	if err := errors.Join(ensureImage(ctx, docker, image), sweepContainers(ctx, docker, time.Now().Add(-keptFor))); err != nil {
		return nil, errors.Join(err, engine.Close())
	}
	password := rand.Text()
	c, err := postgres.Run(ctx, image,
		postgres.WithDatabase("postgres"),
		postgres.WithUsername("postgres"),
		postgres.WithPassword(password),
		testcontainers.WithCmd(command()...),
		testcontainers.WithLabels(map[string]string{containerLabel: "true"}),
		testcontainers.WithWaitStrategy(wait.ForSQL("5432/tcp", "postgres", func(host string, port network.Port) string {
			return fmt.Sprintf("postgres://postgres:%s@%s:%d/postgres?sslmode=disable&connect_timeout=5", password, host, port.Num())
		}).WithStartupTimeout(readyTimeout).WithPollInterval(50*time.Millisecond)),
	)
	if err != nil {
		// TerminateContainer accepts a container that was never made.
		return nil, errors.Join(err, testcontainers.TerminateContainer(c), engine.Close())
	}
	dsn, err := c.ConnectionString(ctx, "sslmode=disable")
	if err != nil {
		return nil, errors.Join(err, testcontainers.TerminateContainer(c), engine.Close())
	}
	return &running{
		dsn:    dsn,
		origin: "from a container (" + image + ")",
		stop: func(ctx context.Context) error {
			return errors.Join(testcontainers.TerminateContainer(c, testcontainers.StopContext(ctx)), engine.Close())
		},
		keep: func() string {
			if !engine.Config().RyukDisabled {
				return "the container ends with this process: set TESTCONTAINERS_RYUK_DISABLED=true to keep it"
			}
			return "the container is kept for its databases, end it with: docker rm -fv " + c.GetContainerID()[:12]
		},
		kill: func(ctx context.Context) error {
			if _, err := docker.ContainerKill(ctx, c.GetContainerID(), client.ContainerKillOptions{Signal: "SIGKILL"}); err != nil {
				return fmt.Errorf("kill the container: %w", err)
			}
			return nil
		},
		revive: func(ctx context.Context) (string, error) {
			if err := c.Start(ctx); err != nil {
				return "", fmt.Errorf("start the container again: %w", err)
			}
			return c.ConnectionString(ctx, "sslmode=disable") // the port is another one
		},
	}, nil
}

func command() []string {
	args := []string{"postgres"}
	for name, value := range settings {
		args = append(args, "-c", name+"="+value)
	}
	return args
}

// connectDocker finds the engine. The library takes no context here and panics on some machines without an engine, so both
// are bounded from outside.
func connectDocker(ctx context.Context) (*testcontainers.DockerProvider, error) {
	type result struct {
		engine *testcontainers.DockerProvider
		err    error
	}
	found := make(chan result, 1)
	go func() {
		defer func() {
			if cause := recover(); cause != nil {
				found <- result{err: fmt.Errorf("no Docker engine: %v", cause)}
			}
		}()
		engine, err := testcontainers.NewDockerProvider()
		found <- result{engine, err}
	}()
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	select {
	case r := <-found:
		if r.err != nil {
			return nil, fmt.Errorf("connect to Docker: %w", r.err)
		}
		if err := r.engine.Health(ctx); err != nil {
			return nil, fmt.Errorf("ask Docker for its state: %w", err)
		}
		return r.engine, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("connect to Docker: %w", ctx.Err())
	}
}

// ensureImage pulls the image unless it is there. It tries once: the library would go on for as long as it may.
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

// sweepContainers removes containers of this package that were made before a time: kept ones, and those of killed runs.
func sweepContainers(ctx context.Context, docker client.APIClient, before time.Time) error {
	list, err := docker.ContainerList(ctx, client.ContainerListOptions{
		All: true, Filters: make(client.Filters).Add("label", containerLabel+"=true"),
	})
	if err != nil {
		return fmt.Errorf("list the containers: %w", err)
	}
	for _, c := range list.Items {
		if time.Unix(c.Created, 0).Before(before) {
			// Another process may remove it at the same moment.
			_, _ = docker.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		}
	}
	return nil
}
