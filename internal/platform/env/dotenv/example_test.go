package dotenv_test

import (
	"fmt"

	"github.com/netrun-systems/go-service-template/internal/platform/env/dotenv"
)

func Example() {
	const file = `# for developers
export HTTP_ADDR=:8080            # a comment
GREETING="hello
world"
DATABASE_URL=postgres://${DB_HOST:-localhost}/app
API_KEY='not closed
`
	lookup := func(string) (string, bool) { return "", false }
	entries, err := dotenv.Parse([]byte(file), dotenv.Options{Expand: lookup})
	for _, e := range entries {
		fmt.Printf("%d: %s=%q\n", e.Line, e.Key, e.Value)
	}
	fmt.Println(err)
	// Output:
	// 2: HTTP_ADDR=":8080"
	// 3: GREETING="hello\nworld"
	// 5: DATABASE_URL="postgres://localhost/app"
	// line 6, column 9: the quote that begins here is not closed
}
