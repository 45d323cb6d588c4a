package access_test

import (
	"fmt"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
)

func Example() {
	viewer := auth.Principal{Roles: []auth.Role{access.RoleViewer}}
	fmt.Println(access.Policy.Allows(viewer, access.NotesRead), access.Policy.Allows(viewer, access.NotesWrite))
	// Output: true false
}
