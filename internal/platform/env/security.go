package env

import (
	"net/url"
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

// secure returns what is unsafe about the file. Variables that something is wrong with already are left out, so that nothing is
// reported twice.
func (f *File) secure(level Level, wrong map[string]bool) (found []Finding) {
	secrets := false
	for e := range f.effective {
		secrets = secrets || logging.Sensitive(e.Key) && e.Value != ""
		if rule, severity, message := insecurity(e, level); severity != "" && !wrong[e.Key] {
			found = append(found, f.at(e, rule, severity, message))
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

// insecurity returns the worst that is to be said of an entry.
func insecurity(e dotenv.Entry, level Level) (rule string, s Severity, message string) {
	name, value := strings.ToUpper(e.Key), e.Value
	switch {
	case value == "":
	case strings.HasSuffix(name, "JWT_ALGORITHM"):
		if !allowedAlgorithm(value) {
			return RuleAlgorithm, SeverityError, "must be RS256, RS384, RS512, ES256, ES384, ES512 or EdDSA"
		}
	case strength.Placeholder(passwordIn(value)):
		return RulePlaceholder, level.choose(SeverityWarning, SeverityError, SeverityError), "holds a password that is a placeholder"
	case insecureDSN(value):
		return RuleSSLMode, level.choose("", SeverityWarning, SeverityError), "must not have sslmode=disable"
	case strings.HasPrefix(strings.ToLower(value), "http://"):
		return RulePlainHTTP, level.choose("", SeverityError, SeverityError), "must not be plain http"
	case logging.Sensitive(e.Key):
		rule, message = weakness(e.Key, value)
		if rule != "" {
			return rule, level.choose(SeverityWarning, SeverityError, SeverityError), message
		}
	case strings.HasSuffix(name, "DEBUG") && isTrue(value):
		return RuleDebug, level.choose("", SeverityWarning, SeverityError), "must be off"
	case strings.HasSuffix(name, "CORS_ORIGINS") && hasItem(value, "*"):
		return RuleWildcard, level.choose("", SeverityWarning, SeverityError), "must name its origins: * is every site there is"
	}
	return "", "", ""
}

// passwordIn returns the password that a URL holds, or "".
func passwordIn(value string) string {
	u, err := url.Parse(value)
	if err != nil || u.Host == "" {
		return ""
	}
	password, _ := u.User.Password()
	return password
}

// weakness returns what is wrong with a secret. Keys in PEM, URLs and DSNs are judged by what is in them, not by their form.
func weakness(name, value string) (rule, message string) {
	switch n := minSecret(name); {
	case strings.Contains(value, "-----BEGIN "), strings.Contains(value, "://"), strings.Contains(value, "host="):
	case strength.Placeholder(value):
		return RulePlaceholder, "must not be a placeholder"
	case utf8.RuneCountInString(value) < n && n == passwordLength:
		return RuleShort, "must have at least 16 characters"
	case utf8.RuneCountInString(value) < n:
		return RuleShort, "must have at least 32 characters"
	case !strength.Mixed(value):
		return RuleWeak, "must be random: it uses few characters"
	}
	return "", ""
}

func allowedAlgorithm(value string) bool {
	switch strings.ToUpper(strings.TrimSpace(value)) {
	case "RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "EDDSA":
		return true
	}
	return false
}

func insecureDSN(value string) bool {
	value = strings.ToLower(value)
	return strings.Contains(value, "sslmode=disable") || strings.Contains(value, "sslmode='disable'")
}

func isTrue(value string) bool {
	switch strings.ToLower(strings.TrimSpace(value)) {
	case "true", "yes", "on", "1", "t", "y":
		return true
	}
	return false
}

func hasItem(list, item string) bool {
	for one := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(one) == item {
			return true
		}
	}
	return false
}
