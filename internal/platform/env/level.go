package env

import (
	"fmt"
	"strings"
)

// Level is where a file is meant for, which decides how much is demanded of it. The zero value is Production.
type Level string

// The levels.
const (
	Development Level = "development"
	Staging     Level = "staging"
	Production  Level = "production"
)

// ParseLevel reads the name of a level in any case; "" is Production.
func ParseLevel(name string) (Level, error) {
	switch l := Level(strings.ToLower(name)); l {
	case Development, Staging, Production:
		return l, nil
	case "":
		return Production, nil
	}
	return "", fmt.Errorf("the level must be %s, %s or %s", Development, Staging, Production)
}

// choose returns the severity at this level, "" where it is no finding.
func (l Level) choose(development, staging, production Severity) Severity {
	switch l {
	case Development:
		return development
	case Staging:
		return staging
	default:
		return production
	}
}
