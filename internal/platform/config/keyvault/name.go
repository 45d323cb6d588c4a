package keyvault

import (
	"net/url"
	"strings"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

const maxName = 127 // characters, of a secret in a vault

var errURL = errors.Sentinel("the URL of a key vault must be https://HOST, without user, query or fragment")

// Name returns the name of the secret that holds a variable: the variable's, with hyphens for underscores. It is false for
// a variable that no secret can be named after: names have 1 to 127 letters, digits and hyphens.
func Name(variable string) (string, bool) {
	name := strings.ReplaceAll(variable, "_", "-")
	if name == "" || len(name) > maxName || strings.IndexFunc(name, notInName) >= 0 {
		return "", false
	}
	return name, true
}

func notInName(r rune) bool {
	return r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
}

func checkURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errURL
	}
	return nil
}
