package auth

import (
	"fmt"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// Algorithm names a signature algorithm of RFC 7518 or RFC 8037. Only asymmetric ones exist here: whoever can check a
// token must not be able to make one.
type Algorithm string

// The algorithms a [KeySet] can be made for.
const (
	RS256 Algorithm = "RS256"
	RS384 Algorithm = "RS384"
	RS512 Algorithm = "RS512"
	ES256 Algorithm = "ES256"
	ES384 Algorithm = "ES384"
	ES512 Algorithm = "ES512"
	EdDSA Algorithm = "EdDSA"
)

var algorithms = []Algorithm{RS256, RS384, RS512, ES256, ES384, ES512, EdDSA}

// ParseAlgorithm returns the algorithm that name stands for, in any case. HS256 and its like, none, and unknown names are
// errors; the error does not repeat the name.
func ParseAlgorithm(name string) (Algorithm, error) {
	for _, a := range algorithms {
		if strings.EqualFold(string(a), name) {
			return a, nil
		}
	}
	return "", fmt.Errorf("the algorithm must be one of %s", algorithmList())
}

func algorithmList() string {
	names := make([]string, len(algorithms))
	for i, a := range algorithms {
		names[i] = string(a)
	}
	return strings.Join(names, ", ")
}

// method returns nil for a name that is none of the constants. It does not ask golang-jwt's registry, which any package
// of the program may change.
func (a Algorithm) method() jwt.SigningMethod {
	switch a {
	case RS256:
		return jwt.SigningMethodRS256
	case RS384:
		return jwt.SigningMethodRS384
	case RS512:
		return jwt.SigningMethodRS512
	case ES256:
		return jwt.SigningMethodES256
	case ES384:
		return jwt.SigningMethodES384
	case ES512:
		return jwt.SigningMethodES512
	case EdDSA:
		return jwt.SigningMethodEdDSA
	}
	return nil
}
