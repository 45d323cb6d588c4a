package logging

import (
	"crypto"
	"encoding/pem"
	"net/http"
	"net/url"
)

// keyPair is what the private keys of the standard library have in common.
type keyPair interface{ Public() crypto.PublicKey }

// private appends a value of the standard library that is known for holding a secret under no telling name. It reports
// whether v is one.
func (l *line) private(v any) bool {
	switch v := v.(type) {
	case keyPair:
		l.redacted()
	case *pem.Block:
		l.text(string(pem.EncodeToMemory(v)))
	case *url.Userinfo:
		l.userinfo(v)
	case *http.Cookie:
		l.cookie(v.Name)
	case http.Cookie:
		l.cookie(v.Name)
	default:
		return false
	}
	return true
}

func (l *line) cookie(name string) { l.text(name + "=" + Redacted) }

func (l *line) userinfo(u *url.Userinfo) {
	text := u.Username()
	if _, ok := u.Password(); ok {
		text += ":" + Redacted
	}
	l.text(text)
}
