package auth

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

const (
	jwksMediaType    = "application/jwk-set+json"
	jwksCacheControl = "public, max-age=300"
)

// document is a JWK set (RFC 7517, section 5), made once for each key set, with its strong entity tag.
type document struct {
	body []byte
	etag string
}

func newDocument(keys []verificationKey) (document, error) {
	set := struct {
		Keys []jwk `json:"keys"`
	}{make([]jwk, 0, len(keys))}
	for _, key := range keys {
		k, err := newJWK(key.public)
		if err != nil {
			return document{}, err
		}
		k.Use, k.Algorithm, k.KeyID = "sig", key.algorithm, key.id
		set.Keys = append(set.Keys, k)
	}
	body, err := json.Marshal(set)
	if err != nil {
		return document{}, fmt.Errorf("encode the JWK set: %w", err)
	}
	sum := sha256.Sum256(body)
	return document{body: body, etag: `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`}, nil
}

// JWKS answers GET and HEAD with the public keys that the ring holds at the time, the one that signs first, as a JWK set
// (RFC 7517). It may be cached for five minutes, so a new key has to be published for that long before it signs.
func JWKS(ring *Keyring) echo.HandlerFunc {
	return func(c echo.Context) error {
		keys := ring.Keys()
		if keys == nil {
			return errors.New(errors.CodeServiceUnavailable, "")
		}
		h := c.Response().Header()
		h.Set("Cache-Control", jwksCacheControl)
		h.Set("ETag", keys.jwks.etag)
		if noneMatch(c.Request().Header.Values("If-None-Match"), keys.jwks.etag) {
			return c.NoContent(http.StatusNotModified)
		}
		if c.Request().Method == http.MethodHead {
			h.Set(echo.HeaderContentType, jwksMediaType)
			h.Set(echo.HeaderContentLength, strconv.Itoa(len(keys.jwks.body)))
			return c.NoContent(http.StatusOK)
		}
		return c.Blob(http.StatusOK, jwksMediaType, keys.jwks.body)
	}
}

// noneMatch reports whether If-None-Match names the tag (RFC 9110, section 13.1.2). Cutting at commas is exact for a tag
// that has none itself.
func noneMatch(headers []string, etag string) bool {
	for _, header := range headers {
		for piece := range strings.SplitSeq(header, ",") {
			piece = strings.Trim(piece, " \t")
			if piece == "*" || strings.TrimPrefix(piece, "W/") == etag {
				return true
			}
		}
	}
	return false
}
