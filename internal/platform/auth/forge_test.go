package auth_test

import (
	"crypto"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// The roles and permissions of the tests.
const (
	roleOwner  auth.Role = "owner"
	roleAdmin  auth.Role = "admin"
	roleMember auth.Role = "member"
	roleViewer auth.Role = "viewer"

	permNotesRead  auth.Permission = "notes:read"
	permNotesWrite auth.Permission = "notes:write"
	permUsersRead  auth.Permission = "users:read"
	permUsersWrite auth.Permission = "users:write"
	permAuditRead  auth.Permission = "audit:read"
)

var (
	permissions = []auth.Permission{permNotesRead, permNotesWrite, permUsersRead, permUsersWrite, permAuditRead}
	policy      = newPolicy(map[auth.Role][]auth.Permission{
		roleOwner: {"*:*"}, roleAdmin: {"notes:*", "users:*"}, roleMember: {"notes:*", permUsersRead}, roleViewer: {"*:read"},
	})
)

func newPolicy(grants map[auth.Role][]auth.Permission) *auth.Policy {
	p, err := auth.NewPolicy(grants, permissions)
	if err != nil {
		panic(err)
	}
	return p
}

const (
	issuerName = "netrun-service"
	audience   = "netrun-api"
	leeway     = 30 * time.Second
)

var (
	now     = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	user    = uuid.MustParse("019b0000-0000-7000-8000-000000000001")
	tenant  = uuid.MustParse("019b0000-0000-7000-8000-000000000002")
	session = uuid.MustParse("019b0000-0000-7000-8000-000000000003")

	// RSA keys are slow to make, so the tests share one key of each kind.
	rsaKey     = sync.OnceValue(func() crypto.Signer { return generate(auth.RS256) })
	ecKey      = sync.OnceValue(func() crypto.Signer { return generate(auth.ES256) })
	strangeKey = sync.OnceValue(func() crypto.Signer { return generate(auth.ES256) })
)

func generate(alg auth.Algorithm) crypto.Signer {
	key, err := auth.GenerateKey(alg)
	if err != nil {
		panic(err)
	}
	return key
}

func keySet(t testing.TB, alg auth.Algorithm, key crypto.Signer, retired ...crypto.PublicKey) *auth.KeySet {
	t.Helper()
	set, err := auth.NewKeySet(alg, key, retired...)
	require.NoError(t, err)
	return set
}

func newVerifier(t testing.TB, keys *auth.KeySet, edits ...func(*auth.VerifierOptions)) *auth.Verifier {
	t.Helper()
	o := auth.VerifierOptions{
		Issuer: issuerName, Audience: audience, Policy: policy, Leeway: leeway, Now: func() time.Time { return now },
	}
	for _, edit := range edits {
		edit(&o)
	}
	v, err := auth.NewVerifier(auth.NewKeyring(keys), o)
	require.NoError(t, err)
	return v
}

// object is a JSON object as text, in which names may come twice.
type object []struct{ name, raw string }

func (o *object) add(name, raw string) { *o = append(*o, struct{ name, raw string }{name, raw}) }

func (o *object) drop(name string) {
	*o = slices.DeleteFunc(*o, func(m struct{ name, raw string }) bool { return m.name == name })
}

func (o *object) set(name, raw string) { o.drop(name); o.add(name, raw) }

func (o object) String() string {
	members := make([]string, len(o))
	for i, m := range o {
		members[i] = `"` + m.name + `":` + m.raw
	}
	return "{" + strings.Join(members, ",") + "}"
}

// forgery is a token in the making: a good one, until a test edits it.
type forgery struct {
	header, claims object
	method         jwt.SigningMethod
	key            any
	rawHeader      func(string) string // changes the JSON text of the header
	rawClaims      func(string) string // changes the JSON text of the claims
	mangle         func(string) string // changes the finished token
}

func newForgery(keys *auth.KeySet, method jwt.SigningMethod, key any) *forgery {
	f := &forgery{method: method, key: key}
	f.header.add("alg", quote(method.Alg()))
	f.header.add("typ", `"at+jwt"`)
	f.header.add("kid", quote(keys.KeyID()))
	f.claims.add("iss", quote(issuerName))
	f.claims.add("sub", quote(user.String()))
	f.claims.add("aud", quote(audience))
	f.claims.add("exp", unix(now.Add(15*time.Minute)))
	f.claims.add("nbf", unix(now))
	f.claims.add("iat", unix(now))
	f.claims.add("jti", `"token-1"`)
	f.claims.add("client_id", quote(issuerName))
	f.claims.add("tenant_id", quote(tenant.String()))
	f.claims.add("roles", `["member"]`)
	return f
}

func (f *forgery) token(t testing.TB) string {
	t.Helper()
	header, payload := f.header.String(), f.claims.String()
	if f.rawHeader != nil {
		header = f.rawHeader(header)
	}
	if f.rawClaims != nil {
		payload = f.rawClaims(payload)
	}
	signed := b64(header) + "." + b64(payload)
	signature, err := f.method.Sign(signed, f.key)
	require.NoError(t, err)
	token := signed + "." + b64(string(signature))
	if f.mangle != nil {
		token = f.mangle(token)
	}
	return token
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func quote(s string) string { return fmt.Sprintf("%q", s) }

func unix(at time.Time) string { return fmt.Sprint(at.Unix()) }

// requireRefused checks the code a client reads and the reason a log reads, and that neither holds the token.
func requireRefused(t testing.TB, err error, code errors.Code, reason, token string) {
	t.Helper()
	e, ok := errors.AsType[*errors.Error](err)
	require.True(t, ok, "not refused: %v", err)
	require.Equal(t, code, e.Code)
	require.EqualError(t, errors.Unwrap(e), reason)
	for _, part := range strings.Split(token, ".") {
		if len(part) > 8 {
			require.NotContains(t, err.Error(), part)
		}
	}
}
