package db_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
)

func ExampleRedact() {
	fmt.Println(db.Redact("postgres://api:hunter2@db.internal:6432/notes?sslmode=verify-full"))
	fmt.Println(db.Redact("host=db.internal user=api password='hunter 2' dbname=notes"))
	// Output:
	// postgres://api@db.internal:6432/notes
	// postgres://api@db.internal:5432/notes
}

func ExampleAfterCommit() {
	invite := func(ctx context.Context, email string) {
		// insert the invitation, with ctx
		db.AfterCommit(ctx, func(context.Context) { fmt.Println("send a mail to", email) })
	}
	// In pool.InTx the mail waits for the commit. Outside of a transaction it goes at once.
	invite(context.Background(), "ada@example.com")
	// Output:
	// send a mail to ada@example.com
}

// A cache that listens for changes, and is not used while it cannot hear them.
func ExamplePool_Listen() {
	var cfg db.Config // from config.Load
	var pool *db.Pool // from db.Open
	var trusted atomic.Bool
	var cache sync.Map
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go func() {
		err := pool.Listen(ctx, cfg, db.ListenOptions{
			Channels: []string{"settings_changed"},
			OnNotify: func(_, key string) { cache.Delete(key) },
			OnState: func(connected bool) {
				if connected {
					cache.Clear() // some entries changed while there was no connection
				}
				trusted.Store(connected)
			},
			OnAlive: func(time.Time) {},
		})
		if err != nil {
			fmt.Println(err)
		}
	}()
}
