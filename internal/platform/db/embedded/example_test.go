package embedded_test

import (
	"context"
	"fmt"
	"os"

	"github.com/netrun-systems/go-service-template/internal/platform/db/embedded"
)

func ExampleStart() {
	dir, err := os.MkdirTemp("", "embedded-example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()

	ctx := context.Background()
	server, err := embedded.Start(ctx, embedded.Options{Dir: dir, Scratch: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(server.DSN("postgres")) > 0)
	if err := server.Stop(ctx); err != nil {
		fmt.Println(err)
	}
	<-server.Done()
	// Output: true
}
