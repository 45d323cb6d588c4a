package env

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/netrun-systems/go-service-template/internal/platform/env/dotenv"
	"github.com/netrun-systems/go-service-template/internal/platform/env/strength"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// The rules about the safety of what a file holds.
const (
	RulePlaceholder = "placeholder"         // a secret is a stand-in for one
	RuleShort       = "short_secret"        // a secret has less than 32 characters, a password less than 16
	RuleWeak        = "weak_secret"         // a secret uses few characters unevenly
	RuleAlgorithm   = "forbidden_algorithm" // tokens are signed with a shared secret, or not at all
	RulePlainHTTP   = "plain_http"
	RuleSSLMode     = "insecure_sslmode"
	RuleDebug       = "debug_on"
	RuleWildcard    = "wildcard_origin"
	RuleFileMode    = "file_mode"
)

// sameAs names, for rules about safety, those of schemas and of configurations that say the same of a value, so that nothing is
// reported twice.
var sameAs = map[string][]string{
	RulePlaceholder: {"strong"},
	RuleShort:       {"strong", "minlen", "pem", RuleMinLength},
	RuleWeak:        {"strong", "minlen", "pem", RuleMinLength},
	RuleAlgorithm:   {"oneof", RuleAllowed},
	RulePlainHTTP:   {"url", RuleProtocol},
	RuleDebug:       {"production"},
}

// hazard is one way in which a value is unsafe.
type hazard struct {
	rule     string
	severity Severity // "" where the level does not mind
	message  string
}

// secure returns what is unsafe about the file, but for what has been found already as an error.
func (f *File) secure(level Level, schema *Schema, already []Finding) (found []Finding) {
	told := map[[2]string]bool{}
	for _, one := range already {
		if one.Severity == SeverityError {
			told[[2]string{one.Variable, one.Rule}] = true
		}
	}
	isTold := func(variable, rule string) bool {
		return told[[2]string{variable, rule}] || slices.ContainsFunc(sameAs[rule], func(other string) bool { return told[[2]string{variable, other}] })
	}
	secrets := false
	for e := range f.effective {
		secret := schema.isSecret(e.Key)
		part, all := strength.Of(e.Value)
		secrets = secrets || secret && e.Value != "" || !all && part != ""
		for _, h := range hazards(e, secret, level) {
			if h.severity != "" && !isTold(e.Key, h.rule) {
				found = append(found, f.at(e, h.rule, h.severity, h.message))
			}
		}
	}
	const others = 0o044
	if secrets && f.Mode&others != 0 {
		severity := level.choose(SeverityWarning, SeverityWarning, SeverityError)
		found = append(found, Finding{
			File: f.Path, Rule: RuleFileMode, Severity: severity,
			Message: "the file holds secrets and others than its owner may read it; its mode should be 0600",
		})
	}
	return found
}

// isSecret reports whether a variable holds a secret, by its name or because the schema says so.
func (s *Schema) isSecret(name string) bool {
	return logging.Sensitive(name) || s != nil && s.Variables[name].Type == TypeSecret
}

// hazards returns everything that is unsafe about an entry.
func hazards(e dotenv.Entry, secret bool, level Level) (list []hazard) {
	name, value := strings.ToUpper(e.Key), e.Value
	bad, risky := level.choose(SeverityWarning, SeverityError, SeverityError), level.choose("", SeverityWarning, SeverityError)
	if value == "" {
		return nil
	}
	if strings.HasSuffix(strings.TrimSuffix(name, "S"), "JWT_ALGORITHM") && !allowedAlgorithms(value) {
		list = append(list, hazard{RuleAlgorithm, SeverityError, "must be RS256, RS384, RS512, ES256, ES384, ES512 or EdDSA"})
	}
	if password, all := strength.Of(value); !all && strength.Placeholder(password) {
		list = append(list, hazard{RulePlaceholder, bad, "holds a password that is a placeholder"})
	} else if rule, message := weakness(e.Key, value); secret && all && rule != "" {
		list = append(list, hazard{rule, bad, message})
	}
	if insecureDSN(value) {
		list = append(list, hazard{RuleSSLMode, risky, "must not have sslmode=disable"})
	}
	if hasItem(value, isPlainHTTP) {
		list = append(list, hazard{RulePlainHTTP, level.choose("", SeverityError, SeverityError), "must not be plain http"})
	}
	if strings.HasSuffix(name, "DEBUG") && isTrue(value) {
		list = append(list, hazard{RuleDebug, risky, "must be off"})
	}
	if strings.HasSuffix(name, "CORS_ORIGINS") && hasItem(value, func(item string) bool { return item == "*" }) {
		list = append(list, hazard{RuleWildcard, risky, "must name its origins: * is every site there is"})
	}
	return list
}

// weakness returns what is wrong with a secret, the worst that is to be said: one that is replaced for being a placeholder, or for
// being too short to be mixed, is mended in all.
func weakness(name, value string) (rule, message string) {
	switch least := minSecret(name); {
	case strength.Placeholder(value):
		return RulePlaceholder, "must not be a placeholder"
	case utf8.RuneCountInString(value) < least:
		return RuleShort, fmt.Sprintf("must have at least %d characters", least)
	case !strength.Mixed(value):
		return RuleWeak, "must be random: it uses few characters"
	}
	return "", ""
}

func allowedAlgorithms(value string) bool {
	return !hasItem(value, func(item string) bool {
		switch strings.ToUpper(item) {
		case "RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "EDDSA":
			return false
		}
		return true
	})
}

func insecureDSN(value string) bool {
	value = strings.ToLower(value)
	return strings.Contains(value, "sslmode=disable") || strings.Contains(value, "sslmode='disable'")
}

func isPlainHTTP(item string) bool { return strings.HasPrefix(strings.ToLower(item), "http://") }

func isTrue(value string) bool {
	switch strings.ToLower(strings.TrimSpace(value)) {
	case "true", "yes", "on", "1", "t", "y":
		return true
	}
	return false
}

// hasItem reports whether a value, which may be a list with commas, has an item that is such a one.
func hasItem(list string, is func(item string) bool) bool {
	for one := range strings.SplitSeq(list, ",") {
		if is(strings.TrimSpace(one)) {
			return true
		}
	}
	return false
}
