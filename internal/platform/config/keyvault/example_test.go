package keyvault_test

import (
	"fmt"

	"github.com/netrun-systems/go-service-template/internal/platform/config/keyvault"
)

func ExampleName() {
	name, _ := keyvault.Name("DATABASE_URL")
	fmt.Println(name)
	// Output: DATABASE-URL
}
