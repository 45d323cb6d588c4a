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
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
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
	issuer, err := auth.NewIssuer(keys, auth.IssuerOptions{Issuer: "notes", Audience: "notes-api", TTL: 15 * time.Minute})
	if err != nil {
		panic(err)
	}
	verifier, err := auth.NewVerifier(keys, auth.VerifierOptions{Issuer: "notes", Audience: "notes-api"})
	if err != nil {
		panic(err)
	}

	e := echo.New()
	e.HTTPErrorHandler = errors.Handler(nil)
	hello := func(c echo.Context) error {
		p, _ := auth.PrincipalFrom(c.Request().Context())
		return c.String(http.StatusOK, fmt.Sprint("hello ", p.Roles))
	}
	e.GET("/notes", hello, auth.Authenticate(verifier, logging.For()), auth.Require(auth.PermNotesRead))

	token, _, err := issuer.Issue(auth.Principal{UserID: uuid.New(), TenantID: uuid.New(), Roles: []auth.Role{auth.RoleViewer}})
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
	passwords, err := auth.NewPasswords(auth.PasswordOptions{})
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
	// Output: [{password common is one of the commonest passwords}]
}

func ExamplePrincipal_Can() {
	p := auth.Principal{Roles: []auth.Role{auth.RoleMember}}
	fmt.Println(p.Can(auth.PermNotesWrite), p.Can(auth.PermUsersWrite))
	// Output: true false
}
