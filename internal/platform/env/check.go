package env

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/netrun-systems/go-service-template/internal/platform/env/dotenv"
	"github.com/netrun-systems/go-service-template/internal/platform/env/strength"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

var log = logging.For()

// Level is the environment that a file is meant for. The zero value is Production.
type Level string

// The levels.
const (
	Development Level = "development"
	Staging     Level = "staging"
	Production  Level = "production"
)

// levels lists the strictest level first.
var levels = []Level{Production, Staging, Development}

// ParseLevel returns the level with a name in any case. An empty name is Production.
func ParseLevel(name string) (Level, error) {
	l := cmp.Or(Level(strings.ToLower(name)), Production)
	if !slices.Contains(levels, l) {
		return "", fmt.Errorf("must be %s, %s or %s", Development, Staging, Production)
	}
	return l, nil
}

// Validator validates files. The zero value checks form and security at the level of production.
type Validator struct {
	Level  Level
	Schema *Schema // may be nil
	// Check may add findings, for example by loading the configuration of a service from the file. It
	// sets Variable, Rule, Severity and Message; the validator adds the place. It may be nil.
	Check func(ctx context.Context, f *File) []Finding
}

// Validate returns all findings about a file. It logs validation_started, then validation_passed or
// validation_failed.
func (v Validator) Validate(ctx context.Context, f *File) Result {
	log.Info(ctx, "validation_started", logging.String("env_file", f.path))
	found := f.lint()
	if v.Schema != nil {
		found = append(found, v.Schema.check(f)...)
	}
	if v.Check != nil {
		for _, one := range v.Check(ctx, f) {
			found = append(found, f.finding(f.entry(one.Variable), one.Severity, one.Rule, one.Message))
		}
	}
	found = append(found, v.security(f, found)...)
	found = slices.DeleteFunc(found, func(one Finding) bool { return one.Rule != ruleUnquoted && f.goesOn(one.Line) })
	r := f.result(cmp.Or(v.Level, Production), found)
	if r.Valid {
		log.Info(ctx, "validation_passed", logging.Int("variable_count", r.Variables))
		return r
	}
	first := r.Findings[slices.IndexFunc(r.Findings, func(one Finding) bool { return one.Severity == SeverityError })]
	log.Error(ctx, "validation_failed",
		logging.Int("error_count", r.Errors), logging.String("first_error", first.text()))
	return r
}

// securityRules lists for each rule its severity by level, and the rules of schemas and
// configurations with the same meaning: a variable that has an error of such a rule gets no second
// finding.
var securityRules = map[string]struct {
	severity [3]Severity // in the order of levels; "" is no finding
	sameAs   []string
}{
	"placeholder":         {insecure, nil},
	"short_secret":        {insecure, []string{"pem", "min_length"}},
	"short_key":           {unusual, []string{"pem", "min_length"}},
	"weak_secret":         {insecure, []string{"pem", "min_length"}},
	"forbidden_algorithm": {[3]Severity{SeverityError, SeverityError, SeverityError}, []string{"oneof", "allowed_values"}},
	"plain_http":          {[3]Severity{SeverityError, SeverityError, ""}, []string{"url", "protocols"}},
	"plain_proxy":         {unusual, []string{"url", "protocols"}},
	"insecure_sslmode":    {risky, nil},
	"debug_on":            {risky, []string{"production"}},
	"wildcard_origin":     {risky, nil},
	"file_mode":           {[3]Severity{SeverityError, SeverityWarning, SeverityWarning}, nil},
}

var (
	insecure = [3]Severity{SeverityError, SeverityError, SeverityWarning}
	risky    = [3]Severity{SeverityError, SeverityWarning, ""}
	unusual  = [3]Severity{SeverityWarning, SeverityWarning, ""}
)

// security checks the safety of the values, except where an error has been reported already.
func (v Validator) security(f *File, reported []Finding) (found []Finding) {
	errorRules := map[string][]string{} // by variable
	for _, one := range reported {
		if one.Severity == SeverityError {
			errorRules[one.Variable] = append(errorRules[one.Variable], one.Rule)
		}
	}
	report := func(e dotenv.Entry, rule, message string) {
		r := securityRules[rule]
		severity := r.severity[max(0, slices.Index(levels, v.Level))]
		isReported := func(other string) bool { return other == rule || slices.Contains(r.sameAs, other) }
		if severity != "" && !slices.ContainsFunc(errorRules[e.Key], isReported) {
			found = append(found, f.finding(e, severity, rule, message))
		}
	}
	hasSecrets := false
	for e := range f.effective {
		if e.Value == "" {
			continue
		}
		secret := isSecret(e.Key, e.Value) || v.Schema != nil && v.Schema.Variables[e.Key].Type == TypeSecret
		hasSecrets = hasSecrets || secret || hides(e.Key, e.Value)
		checkValue(e, secret, func(rule, message string) { report(e, rule, message) })
	}
	const readableByOthers = 0o044
	if hasSecrets && f.mode&readableByOthers != 0 {
		report(dotenv.Entry{}, "file_mode", "the file contains secrets and other users can read it; set mode 0600")
	}
	return found
}

// checkValue reports everything that is unsafe about the value of an entry.
func checkValue(e dotenv.Entry, secret bool, report func(rule, message string)) {
	name, lower := strings.ToUpper(e.Key), strings.ToLower(e.Value)
	items := strings.Split(lower, ",")
	for i := range items {
		items[i] = strings.TrimSpace(items[i])
	}
	if strings.HasSuffix(strings.TrimSuffix(name, "S"), "JWT_ALGORITHM") && slices.ContainsFunc(items, isForbidden) {
		report("forbidden_algorithm", "must be RS256, RS384, RS512, ES256, ES384, ES512 or EdDSA")
	}
	const shortestWord = 4 // shorter values of variables that are no known secrets are no placeholders
	password, whole := strength.Of(e.Value)
	least := minSecretLength(e.Key)
	switch {
	case !whole && strength.Placeholder(password):
		report("placeholder", "contains a password that is a placeholder")
	case !whole:
		// Another service sets the rules for the password of a URL or DSN.
	case (secret || strength.Suspect(e.Key, e.Value) && len(e.Value) >= shortestWord) && strength.Placeholder(e.Value):
		report("placeholder", "must not be a placeholder")
	case !secret:
	case utf8.RuneCountInString(e.Value) < least && issued(e):
		report("short_key", fmt.Sprintf("has fewer than %d characters, which is right only if another service issued it",
			least))
	case utf8.RuneCountInString(e.Value) < least:
		report("short_secret", fmt.Sprintf("must have at least %d characters", least))
	case !strength.Mixed(e.Value):
		report("weak_secret", "must be random: it repeats few characters")
	}
	if strings.Contains(lower, "sslmode=disable") || strings.Contains(lower, "sslmode='disable'") {
		report("insecure_sslmode", "must not have sslmode=disable")
	}
	plain := slices.ContainsFunc(items, func(item string) bool { return strings.HasPrefix(item, "http://") })
	switch {
	case plain && strings.HasSuffix(name, "_PROXY"):
		report("plain_proxy", "reaches the proxy with plain http, which shows it the names of all hosts and any password")
	case plain:
		report("plain_http", "must not use plain http")
	}
	if strings.HasSuffix(name, "DEBUG") && slices.Contains([]string{"true", "yes", "on", "1", "t", "y"}, items[0]) {
		report("debug_on", "must be off")
	}
	if strings.HasSuffix(name, "CORS_ORIGINS") && slices.Contains(items, "*") {
		report("wildcard_origin", "must list its origins: * allows every site")
	}
}

var (
	issuedKey = regexp.MustCompile(`^[A-Za-z0-9_-]{14,}$`)
	// ownSecret matches names of secrets that a service makes for itself.
	ownSecret = regexp.MustCompile(
		`(?i)^(?:app|secret)_|jwt|session|cookie|csrf|sign|encrypt|hmac|auth_secret|nextauth|hash|salt`)
)

// issued reports whether a secret may be a key of another service, whose length that service sets.
func issued(e dotenv.Entry) bool {
	return minSecretLength(e.Key) == strength.MinLength && issuedKey.MatchString(e.Value) && strength.Generated(e.Value) &&
		strength.Mixed(e.Value) && !ownSecret.MatchString(e.Key)
}

func isForbidden(algorithm string) bool {
	return !slices.Contains([]string{"rs256", "rs384", "rs512", "es256", "es384", "es512", "eddsa"}, algorithm)
}
