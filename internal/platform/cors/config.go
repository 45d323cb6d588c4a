package cors

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"

	"github.com/netrun-systems/go-service-template/internal/platform/config"
)

// Config says which origins may do what. Empty fields have the values of the preset. The zero
// Config has the preset development.
type Config struct {
	config.Base

	Preset           string        `env:"CORS_PRESET" env-live:"true" env-description:"rules for pages on other origins: development, staging, production, oauth or custom; when empty, APP_ENVIRONMENT"`
	Origins          []string      `env:"CORS_ORIGINS" env-live:"true" env-description:"origins of pages: https://app.example.com, https://*.example.com, http://localhost:*, re:EXPRESSION or *"`
	AllowCredentials *bool         `env:"CORS_ALLOW_CREDENTIALS" env-live:"true" env-description:"let browsers send cookies; when empty, only in the presets development and oauth"`
	AllowMethods     []string      `env:"CORS_ALLOW_METHODS" env-live:"true" env-description:"methods that pages may use"`
	AllowHeaders     []string      `env:"CORS_ALLOW_HEADERS" env-live:"true" env-description:"request headers that pages may set"`
	ExposeHeaders    []string      `env:"CORS_EXPOSE_HEADERS" env-live:"true" env-description:"response headers that pages may read"`
	MaxAge           time.Duration `env:"CORS_MAX_AGE" env-default:"3600" env-rule:"range=0..86400" env-live:"true" env-description:"time that browsers cache a preflight, in whole seconds"`

	DangerouslyAllowCredentials bool `env:"CORS_DANGEROUSLY_ALLOW_CREDENTIALS" env-default:"false" env-live:"true" env-description:"allow credentials for plain http, regular expressions and public suffixes, which attackers may control"`
}

// preset is a set of defaults and rules.
type preset struct {
	name                              string
	origins, methods, headers, expose []string
	credentials                       bool
	https, exact, required            bool // what origins must be
}

var (
	loopback = []string{
		"http://localhost:*", "http://127.0.0.1:*", "http://[::1]:*",
		"https://localhost:*", "https://127.0.0.1:*", "https://[::1]:*",
	}
	methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}
	headers = strings.Fields("Accept Authorization Content-Type Idempotency-Key If-Match If-None-Match " +
		"X-API-Key X-Correlation-ID")
	expose = strings.Fields("ETag Idempotency-Replayed Location RateLimit RateLimit-Policy Retry-After " +
		"WWW-Authenticate X-Correlation-ID")
	presets = []preset{
		{
			name: "development", origins: loopback, methods: methods, headers: headers, expose: expose,
			credentials: true,
		},
		{name: "staging", methods: methods, headers: headers, expose: expose, https: true},
		{name: "production", methods: methods, headers: headers, expose: expose, https: true, exact: true},
		{
			name: "oauth", methods: []string{"GET", "POST"}, headers: []string{"Authorization", "Content-Type"},
			expose: []string{"WWW-Authenticate"}, credentials: true, https: true, exact: true, required: true,
		},
		{name: "custom", methods: methods, headers: headers, expose: expose, required: true},
	}
)

// Validate reports everything that is wrong. It names an origin by its position in the list. Empty
// fields get the values of the preset, so that config show has them.
func (c *Config) Validate(report func(variable, rule, message string)) {
	c.policy(report)
}

// policy fills empty fields and compiles the Config. The result is valid if nothing was reported.
func (c *Config) policy(report func(variable, rule, message string)) *policy {
	name := strings.ToLower(strings.TrimSpace(c.Preset))
	if name == "" && (c.Environment == config.Staging || c.Environment == config.Production) {
		name = string(c.Environment)
	}
	i := slices.IndexFunc(presets, func(p preset) bool { return p.name == cmp.Or(name, presets[0].name) })
	if i < 0 {
		if len(name) > 16 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz") != "" {
			name = "not a word" // but perhaps a secret
		}
		report("CORS_PRESET", "oneof", "Invalid preset: "+name+" (must be development, staging, production, oauth or custom)")
		return nil
	}
	rules := presets[i]
	if i == 0 && c.IsProduction() {
		report("CORS_PRESET", "production", "must not be development in production")
	}
	if rules.required && len(c.Origins) == 0 {
		report("CORS_ORIGINS", "required", "is required in the presets oauth and custom")
	}
	c.Preset, c.AllowCredentials = rules.name, cmp.Or(c.AllowCredentials, &rules.credentials)
	c.Origins, c.ExposeHeaders = either(c.Origins, rules.origins), either(c.ExposeHeaders, rules.expose)
	c.AllowMethods, c.AllowHeaders = either(c.AllowMethods, rules.methods), either(c.AllowHeaders, rules.headers)
	p := &policy{preset: c.Preset, exact: map[string]bool{}, patterns: map[origin]bool{}, credentials: *c.AllowCredentials}
	p.careful = p.credentials && !c.DangerouslyAllowCredentials
	for i, text := range c.Origins {
		if broken := p.add(text, rules, c.IsProduction()); broken != "" {
			report("CORS_ORIGINS", "origin", fmt.Sprintf("origin %d %s", i+1, broken))
		}
	}
	p.methods, p.headers = c.AllowMethods, c.AllowHeaders
	list := func(variable string, names []string) string {
		if slices.ContainsFunc(names, func(name string) bool {
			return name == "*" && p.credentials || !only(strings.ToLower(name), "!#$%&'*+-.^_`|~") ||
				variable == "CORS_ALLOW_METHODS" && name != strings.ToUpper(name)
		}) {
			report(variable, "names", "must be names, methods in upper case, and not be * with credentials")
		}
		return strings.Join(names, ", ")
	}
	both := []header{{"Access-Control-Allow-Origin", map[bool]string{true: "*"}[p.any]}}
	if p.credentials {
		both = append(both, header{"Access-Control-Allow-Credentials", "true"})
	}
	p.preflight = append(slices.Clone(both),
		header{"Access-Control-Allow-Methods", list("CORS_ALLOW_METHODS", p.methods)},
		header{"Access-Control-Allow-Headers", list("CORS_ALLOW_HEADERS", p.headers)},
		header{"Access-Control-Max-Age", strconv.Itoa(int(c.MaxAge.Seconds()))})
	exposed := list("CORS_EXPOSE_HEADERS", c.ExposeHeaders)
	p.actual = append(both, header{"Access-Control-Expose-Headers", exposed})
	return p
}

// either returns the list, or the other one if it is empty.
func either(list, other []string) []string {
	if len(list) == 0 {
		return other
	}
	return list
}

// add allows an item of CORS_ORIGINS, or returns the rule that it breaks.
func (p *policy) add(text string, rules preset, production bool) (broken string) {
	https := production || rules.https
	if text == "*" {
		if p.credentials || https {
			return "must not be * with credentials, in production or in this preset"
		}
		p.any = true
		return ""
	}
	var o origin
	if e, found := strings.CutPrefix(text, "re:"); found {
		whole, broken := compile(e)
		if broken != "" {
			return broken
		}
		if p.careful {
			return "must not be a regular expression with credentials"
		}
		o.scheme, _, _ = strings.Cut(e, "://")
		p.expressions = append(p.expressions, whole)
	} else if o, broken = parsePattern(text); broken != "" {
		return broken
	} else if o.isPattern() {
		p.patterns[o] = true
	} else {
		p.exact[text] = true
	}
	suffix, _ := publicsuffix.PublicSuffix(o.host)
	switch {
	case o.scheme != "https" && rules.https || o.scheme == "http" && production:
		return "must be https in production and in this preset"
	case rules.exact && (o.host == "" || o.isPattern()):
		return "must be an exact origin in this preset"
	case o.scheme == "http" && !isLoopback(o.host) && p.careful:
		return "must be https with credentials"
	case o.host == "."+suffix && !isLoopback(o.host) && p.careful:
		return "must not have the subdomains of a public suffix with credentials"
	}
	return ""
}

// parsePattern parses an item without "re:", or returns the rule that it breaks.
func parsePattern(text string) (o origin, broken string) {
	base, port := strings.CutSuffix(text, ":*")
	before, after, subdomains := strings.Cut(base, "://*.")
	if subdomains {
		base = before + "://" + after
	}
	o, ok := parseOrigin(base)
	switch {
	case !ok:
		return o, "must be scheme://host[:port] as browsers send it: lower case, Punycode, no path or slash, no default port"
	case port && (o.port != "" || subdomains || !isLoopback(o.host)):
		return o, "must have the host localhost, 127.0.0.1 or [::1] if its port is *"
	case port:
		o.port = anyPort
	case subdomains && isAddress(o.host):
		return o, "must not have a wildcard in an IP address"
	case subdomains:
		o.host = "." + o.host
	}
	return o, ""
}

var (
	atoms = regexp.MustCompile(`\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\.`) // escapes, classes and dots
	group = regexp.MustCompile(`\([^()]*\)`)
)

// compile compiles an expression for whole origins. It refuses those that tend to match more than
// their author meant.
func compile(text string) (*regexp.Regexp, string) {
	whole, err := regexp.Compile(`\A(?:` + text + `)\z`)
	if _, unwrapped := regexp.Compile(text); err != nil || unwrapped != nil {
		return nil, "must be a regular expression in the syntax of RE2, without commas"
	}
	for _, atom := range atoms.FindAllString(text, -1) {
		if class, err := regexp.Compile(atom); err != nil || atom != `\.` && class.MatchString(".") {
			return nil, `must have dots as \. only, and no class or escape that matches a dot`
		}
	}
	rest := atoms.ReplaceAllString(text, "")
	for shorter := ""; shorter != rest; shorter, rest = rest, group.ReplaceAllString(rest, "") {
	}
	if scheme, _, found := strings.Cut(text, "://"); !found || !only(scheme, "") || strings.Contains(rest, "|") {
		return nil, "must begin with a literal scheme such as https:// and have alternatives in parentheses"
	}
	return whole, ""
}
