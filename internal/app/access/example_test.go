package access_test

import (
	"fmt"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
)

func Example() {
	member := auth.Principal{Roles: []auth.Role{access.RoleMember}}
	fmt.Println(access.Policy.Allows(member, access.UsersRead), access.Policy.Allows(member, access.UsersWrite))
	// Output: true false
}
