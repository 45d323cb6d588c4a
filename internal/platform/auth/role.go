package auth

import "strings"

// Role is what a member is in a tenant. A [Policy] says which roles exist; an unknown one has no permission.
type Role string

// Permission is the right to one kind of action, written resource:action. Each half is of the letters a to z, digits and
// underscores, and begins with a letter.
//
// Where a [Policy] is made, either half of a grant may be *, which stands for every known resource or action. Nowhere else
// does * mean anything.
type Permission string

const wildcard = "*"

// split returns the halves, and whether p is well formed.
func (p Permission) split() (resource, action string, ok bool) {
	resource, action, found := strings.Cut(string(p), ":")
	return resource, action, found && isHalf(resource) && isHalf(action)
}

// isPattern reports whether a half of p is a wildcard.
func (p Permission) isPattern() bool {
	resource, action, _ := p.split()
	return resource == wildcard || action == wildcard
}

func isHalf(text string) bool {
	if text == wildcard {
		return true
	}
	for i, c := range []byte(text) {
		letter := 'a' <= c && c <= 'z'
		other := '0' <= c && c <= '9' || c == '_'
		if !letter && (i == 0 || !other) {
			return false
		}
	}
	return text != ""
}

// covers reports whether the grant p gives permission: each half of p is the same or a wildcard.
func (p Permission) covers(permission Permission) bool {
	resource, action, _ := p.split()
	ofResource, ofAction, _ := permission.split()
	return (resource == wildcard || resource == ofResource) && (action == wildcard || action == ofAction)
}
