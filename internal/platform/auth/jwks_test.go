package auth_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
)

func getJWKS(t *testing.T, ring *auth.Keyring, method string, noneMatch ...string) *httptest.ResponseRecorder {
	t.Helper()
	return serveJWKS(ring, method, http.Header{"If-None-Match": noneMatch})
}

func serveJWKS(ring *auth.Keyring, method string, header http.Header) *httptest.ResponseRecorder {
	e := echo.New()
	e.HTTPErrorHandler = renderError
	e.Match([]string{http.MethodGet, http.MethodHead}, "/", auth.JWKS(ring))
	r := httptest.NewRequestWithContext(context.Background(), method, "/", nil)
	r.Header = header
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	return w
}

// The keys decoded from the document equal those of the key set.
func TestJWKSContainsPublicKeysOnly(t *testing.T) {
	t.Parallel()
	ed, ec521 := generate(auth.EdDSA), generate(auth.ES512)
	ring := auth.NewKeyring(keySet(t, auth.RS384, rsaKey(), ecKey().Public(), ed.Public(), ec521.Public(), rsaKey().Public()))
	w := getJWKS(t, ring, http.MethodGet)
	require.Equal(t, http.StatusOK, w.Code)
	assert.Equal(t, "application/jwk-set+json", w.Header().Get("Content-Type"))
	assert.Equal(t, "public, max-age=300", w.Header().Get("Cache-Control"))

	var document map[string][]map[string]string
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &document))
	require.Len(t, document, 1)
	keys := document["keys"]
	require.Len(t, keys, 4, "each key once")
	for i, want := range []struct{ kty, alg string }{{"RSA", "RS384"}, {"EC", "ES256"}, {"OKP", "EdDSA"}, {"EC", "ES512"}} {
		k := keys[i]
		assert.Equal(t, want.kty, k["kty"])
		assert.Equal(t, want.alg, k["alg"])
		assert.Equal(t, "sig", k["use"])
		for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
			assert.NotContains(t, k, private)
		}
	}
	assert.Equal(t, ring.Keys().KeyID(), keys[0]["kid"], "the signing key comes first")

	e := int(new(big.Int).SetBytes(unb64(t, keys[0]["e"])).Int64())
	assert.True(t, rsaKey().Public().(*rsa.PublicKey).Equal(&rsa.PublicKey{N: new(big.Int).SetBytes(unb64(t, keys[0]["n"])), E: e}))
	assert.True(t, ed.Public().(ed25519.PublicKey).Equal(ed25519.PublicKey(unb64(t, keys[2]["x"]))))
	for i, want := range map[int]struct {
		curve elliptic.Curve
		name  string
		key   any
		size  int
	}{1: {elliptic.P256(), "P-256", ecKey().Public(), 32}, 3: {elliptic.P521(), "P-521", ec521.Public(), 66}} {
		x, y := unb64(t, keys[i]["x"]), unb64(t, keys[i]["y"])
		assert.Equal(t, want.name, keys[i]["crv"])
		require.Len(t, x, want.size, "full width, as RFC 7518, section 6.2.1.2 asks")
		public, err := ecdsa.ParseUncompressedPublicKey(want.curve, append(append([]byte{4}, x...), y...))
		require.NoError(t, err)
		assert.True(t, public.Equal(want.key))
	}
}

func TestJWKSCacheHeaders(t *testing.T) {
	t.Parallel()
	ring := auth.NewKeyring(keySet(t, auth.ES256, ecKey()))
	first := getJWKS(t, ring, http.MethodGet)
	etag := first.Header().Get("ETag")
	require.Regexp(t, `^"[\w-]+"$`, etag, "a strong tag")

	for name, header := range map[string]string{"same": etag, "weak": "W/" + etag, "in a list": `"x", ` + etag, "any": "*"} {
		w := getJWKS(t, ring, http.MethodGet, header)
		assert.Equal(t, http.StatusNotModified, w.Code, name)
		assert.Empty(t, w.Body.Bytes(), name)
		assert.Equal(t, etag, w.Header().Get("ETag"), name)
		assert.Equal(t, "public, max-age=300", w.Header().Get("Cache-Control"), name)
	}
	assert.Equal(t, http.StatusNotModified, getJWKS(t, ring, http.MethodGet, `"x"`, etag).Code, "in the second line")
	for name, header := range map[string]http.Header{"range": {"Range": {"bytes=99999-"}}, "If-Match": {"If-Match": {`"x"`}}} {
		w := serveJWKS(ring, http.MethodGet, header)
		assert.Equal(t, http.StatusOK, w.Code, "%s is ignored", name)
		assert.Equal(t, first.Body, w.Body, name)
	}
	for _, header := range []string{`"x"`, etag[:8] + `"`, etag[1 : len(etag)-1], ""} {
		assert.Equal(t, http.StatusOK, getJWKS(t, ring, http.MethodGet, header).Code, header)
	}

	head := getJWKS(t, ring, http.MethodHead)
	assert.Equal(t, http.StatusOK, head.Code)
	assert.Empty(t, head.Body.Bytes())
	assert.Equal(t, strconv.Itoa(first.Body.Len()), head.Header().Get("Content-Length"))
	assert.Equal(t, "application/jwk-set+json", head.Header().Get("Content-Type"))
	assert.Equal(t, etag, head.Header().Get("ETag"))

	ring.Swap(keySet(t, auth.EdDSA, generate(auth.EdDSA), ecKey().Public()))
	w := getJWKS(t, ring, http.MethodGet, etag)
	assert.Equal(t, http.StatusOK, w.Code, "other keys have another ETag")
	assert.NotEqual(t, etag, w.Header().Get("ETag"))
}
