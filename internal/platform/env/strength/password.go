package strength

import (
	"net/url"
	"regexp"
	"strings"
)

// dsn matches text that has parameters of a key=value DSN, as libpq reads them: with blanks around the = or without.
var dsn = regexp.MustCompile(`(?:^|\s)(?:host|hostaddr|dbname|user|password)\s*=`)

// password is that parameter, with its value in quotes or up to a blank.
var password = regexp.MustCompile(`(?:^|\s)password\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(\S+))`)

func urlPassword(value string) string {
	u, err := url.Parse(value)
	if err != nil {
		return ""
	}
	if text, ok := u.User.Password(); ok {
		return text
	}
	return u.Query().Get("password") // libpq takes it from there too
}

func dsnPassword(value string) string {
	found := password.FindStringSubmatch(value)
	if found == nil {
		return ""
	}
	return unescaper.Replace(found[1] + found[2])
}

var unescaper = strings.NewReplacer(`\\`, `\`, `\'`, `'`)
