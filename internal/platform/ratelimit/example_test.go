package ratelimit_test

import (
	"context"
	"fmt"
	"time"

	"github.com/netrun-systems/go-service-template/internal/platform/ratelimit"
)

func ExampleMemory() {
	memory := ratelimit.NewMemory()
	limit := ratelimit.Limit{Name: "exports", Rate: 60, Period: time.Hour, Burst: 2}
	for range 3 {
		d, _ := memory.Take(context.Background(), limit, ratelimit.Client{1}, 1)
		fmt.Println(d.Allowed, d.Remaining, d.RetryAfter.Round(time.Minute))
	}
	// Output:
	// true 1 0s
	// true 0 0s
	// false 0 1m0s
}
