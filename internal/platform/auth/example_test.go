package auth_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

func Example() {
	key, err := auth.GenerateKey(auth.ES256)
	if err != nil {
		panic(err)
	}
	keys, err := auth.NewKeySet(auth.ES256, key)
	if err != nil {
		panic(err)
	}
	policy, err := auth.NewPolicy(
		map[auth.Role][]auth.Permission{"author": {"notes:*"}, "reader": {"*:read"}},
		[]auth.Permission{"notes:read", "notes:write"})
	if err != nil {
		panic(err)
	}
	ring := auth.NewKeyring(keys)
	issuer, err := auth.NewIssuer(ring, auth.IssuerOptions{
		Issuer: "notes", Audience: "notes-api", Policy: policy, TTL: 15 * time.Minute,
	})
	if err != nil {
		panic(err)
	}
	verifier, err := auth.NewVerifier(ring, auth.VerifierOptions{Issuer: "notes", Audience: "notes-api", Policy: policy})
	if err != nil {
		panic(err)
	}

	e := echo.New()
	e.HTTPErrorHandler = renderError
	hello := func(c echo.Context) error {
		p, _ := auth.PrincipalFrom(c.Request().Context())
		return c.String(http.StatusOK, fmt.Sprint("hello ", p.Roles))
	}
	e.GET("/notes", hello, auth.Authenticate(auth.Authentication{Verifier: verifier}), auth.Require(policy, "notes:read", nil))

	token, _, err := issuer.Issue(auth.Principal{UserID: uuid.New(), TenantID: uuid.New(), Roles: []auth.Role{"reader"}})
	if err != nil {
		panic(err)
	}
	for _, authorization := range []string{"Bearer " + token, ""} {
		r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/notes", nil)
		r.Header.Set("Authorization", authorization)
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	// Output:
	// 200
	// 401
}

func ExamplePasswords() {
	ctx := context.Background()
	passwords, err := auth.NewPasswords(auth.PasswordConfig{Argon2Memory: 19456, Argon2Passes: 2, Argon2Lanes: 1})
	if err != nil {
		panic(err)
	}
	hash, err := passwords.HashPassword(ctx, "a long and winding road")
	if err != nil {
		panic(err)
	}
	ok, needsRehash, err := passwords.VerifyPassword(ctx, hash, "a long and winding road")
	fmt.Println(ok, needsRehash, err)
	// Output: true false <nil>
}

func ExampleCheckPassword() {
	err := auth.CheckPassword("password1234", "ann@example.com")
	fmt.Println(errors.From(err).Details["fields"])
	// Output: [{password common is too easy to guess: it is a common password or follows a common pattern}]
}

func ExamplePolicy() {
	policy, err := auth.NewPolicy(
		map[auth.Role][]auth.Permission{"author": {"notes:*"}, "reader": {"*:read"}},
		[]auth.Permission{"notes:read", "notes:write", "users:read"})
	fmt.Println(policy.Permissions("author"), policy.Permissions("reader"), err)

	narrowed := auth.Principal{Roles: []auth.Role{"author"}, Scopes: []auth.Permission{"notes:read", "users:read"}}
	fmt.Println(policy.Granted(narrowed))
	// Output:
	// [notes:read notes:write] [notes:read users:read] <nil>
	// [notes:read]
}

func ExampleAPIKey() {
	key := auth.NewAPIKey(uuid.New(), uuid.New())
	fmt.Println(key)

	read, err := auth.ParseAPIKey(key.Reveal()) // what a client sends
	fmt.Println(read.ID() == key.ID(), read.Matches(key.Hash()), err)
	// Output:
	// [REDACTED]
	// true true <nil>
}

func ExampleRefreshToken_Successor() {
	family, seed := auth.NewSeed(), auth.NewSeed() // both are kept with the session
	token := auth.NewRefreshToken(uuid.New(), uuid.New(), family)
	first, again := token.Successor(family, seed), token.Successor(family, seed)
	fmt.Println(first == again, first == token, first.SessionID() == token.SessionID())

	forged := auth.NewRefreshToken(token.TenantID(), token.SessionID(), auth.NewSeed())
	fmt.Println(token.Of(family), forged.Of(family))
	// Output:
	// true false true
	// true false
}
