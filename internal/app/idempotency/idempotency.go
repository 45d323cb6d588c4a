// Package idempotency executes a request that a client sends more than once only once: the result
// of the first request is stored, and returned for every repetition. It implements the IETF draft on
// the Idempotency-Key header.
//
// [Do] stores the result in the transaction of the effects.
package idempotency

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging" // part:notes part:llm
)

// Header is the request header with the key. HeaderReplayed is set to "true" in a repeated
// response.
const (
	Header         = "Idempotency-Key"
	HeaderReplayed = "Idempotency-Replayed"
)

const (
	maxKey      = 255             // characters
	lifetime    = 24 * time.Hour  // of a stored result
	longestCall = 5 * time.Minute // then a repetition may take over
	afterCall   = 5 * time.Second // to store the result
)

var log = logging.For() // part:notes part:llm

// Key identifies a request. The same value sent by another user is another key. The zero Key is
// that of a request without a key.
type Key struct {
	value     string
	operation string
	tenant    uuid.UUID
	user      uuid.UUID
	response  http.Header
}

// FromRequest returns the key of a request of p, which may have none. A value is 1 to 255 printable
// ASCII characters. The operation, such as "create invoice", is the only one that the key is valid
// for.
func FromRequest(c echo.Context, p auth.Principal, operation string) (Key, error) {
	values := c.Request().Header.Values(Header)
	if len(values) == 0 {
		return Key{}, nil
	}
	notPrintable := func(r rune) bool { return r < ' ' || r > '~' }
	if len(values) > 1 || values[0] == "" || len(values[0]) > maxKey || strings.ContainsFunc(values[0], notPrintable) {
		return Key{}, errors.Invalid(Header, "idempotency_key", "must be one value of 1 to 255 printable ASCII characters")
	}
	return Key{values[0], operation, p.TenantID, p.UserID, c.Response().Header()}, nil
}

// Do runs fn in a transaction of the tenant and stores its result under key, or returns the stored
// result and sets [HeaderReplayed]. Without a key, Do only runs fn. The key, the result and the
// effects of fn become visible together, and a repetition waits until the first request has ended.
// A key that was used for a different request is a RESOURCE_CONFLICT.
func Do[T any](
	ctx context.Context, pool *db.Pool, key Key, request any, fn func(context.Context) (T, error),
) (T, error) {
	return db.InTenant(ctx, pool, func(ctx context.Context) (result T, err error) {
		if key.value == "" {
			return fn(ctx)
		}
		claim, first, err := begin(ctx, pool, key, request, &result)
		if err != nil || !first {
			return result, err
		}
		if result, err = fn(ctx); err != nil {
			return result, err
		}
		return result, claim.store(ctx, result)
	})
}

// part:notes part:llm begin

// Call is [Do] for effects elsewhere, such as a request to another service: fn runs without a
// transaction or a connection, for at most five minutes. Call claims the key, calls fn and stores the
// result. A repetition meanwhile is a SERVICE_UNAVAILABLE with Retry-After, because it must not wait
// with a connection of the pool. An error of fn deletes the claim. That of a replica that dies expires
// after the five minutes, so fn may then run again.
//
// A result that cannot be stored is returned all the same: the effects are there.
func Call[T any](
	ctx context.Context, pool *db.Pool, key Key, request any, fn func(context.Context) (T, error),
) (result T, err error) {
	if key.value == "" {
		return fn(ctx)
	}
	var claim claim
	first := false
	err = pool.InTenant(ctx, func(ctx context.Context) (err error) {
		claim, first, err = begin(ctx, pool, key, request, &result)
		return err
	})
	if err != nil || !first {
		return result, err
	}
	end := claim.drop
	defer func() { // also after a panic
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterCall)
		defer cancel()
		if err := pool.InTenant(ctx, end); err != nil {
			log.Error(ctx, "idempotency_key_not_settled", logging.Err(err))
		}
	}()
	calling, cancel := context.WithTimeout(ctx, longestCall)
	defer cancel()
	if result, err = fn(calling); err != nil {
		return result, err
	}
	end = func(ctx context.Context) error { return claim.store(ctx, result) }
	return result, nil
}

// part:notes part:llm end

// claim is the row of a request that is the first with its key.
type claim struct {
	pool *db.Pool
	key  Key
	at   time.Time // differs from that of a later request with the key
}

// begin reports whether the request is the first with its key. Else result is that of the first one.
func begin[T any](
	ctx context.Context, pool *db.Pool, key Key, request any, result *T,
) (c claim, first bool, err error) {
	text, err := json.Marshal([]any{key.operation, request})
	if err != nil {
		return c, false, errors.Internal(err, "hash a request")
	}
	hash := sha256.Sum256(text)
	c = claim{pool: pool, key: key}
	if c.at, err = insert(ctx, pool, key, hash[:]); err == nil {
		return c, true, nil
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return c, false, err
	}
	if *result, err = load[T](ctx, pool, key, hash[:]); err == nil {
		key.response.Set(HeaderReplayed, "true")
	}
	return c, false, err
}

// insert returns the time of the row if this request is the first with its key, or the first after
// the stored result or an abandoned claim has expired, else [sql.ErrNoRows]. The statement waits for
// other transactions that have inserted the key.
func insert(ctx context.Context, pool *db.Pool, key Key, hash []byte) (time.Time, error) {
	at, err := db.One[time.Time](ctx, pool, `
		insert into idempotency_keys as k (tenant_id, user_id, key, request_hash) values ($1, $2, $3, $4)
		on conflict (tenant_id, user_id, key) do update
			set request_hash = excluded.request_hash, response = null, created_at = excluded.created_at
			where k.created_at < now() - $5::float8 * interval '1 second'
				or k.response is null and k.created_at < now() - $6::float8 * interval '1 second'
		returning created_at`,
		key.tenant, key.user, key.value, hash, lifetime.Seconds(), (longestCall + afterCall).Seconds())
	if err != nil {
		return at, fmt.Errorf("insert an idempotency key: %w", err)
	}
	return at, nil
}

func load[T any](ctx context.Context, pool *db.Pool, key Key, hash []byte) (result T, err error) {
	stored, err := db.One[struct {
		Same     bool           `db:"same"`
		Response sql.NullString `db:"response"`
	}](ctx, pool, `
		select request_hash = $4 as same, response::text from idempotency_keys
		where tenant_id = $1 and user_id = $2 and key = $3`,
		key.tenant, key.user, key.value, hash)
	switch {
	case errors.Is(err, sql.ErrNoRows) || err == nil && stored.Same && !stored.Response.Valid:
		return result, errors.Unavailable(err, "The first request with this key has no response yet", time.Second)
	case err != nil:
		return result, fmt.Errorf("load an idempotent response: %w", err)
	case !stored.Same:
		return result, errors.New(errors.CodeConflict, "The Idempotency-Key was used for a different request")
	}
	if err := json.Unmarshal([]byte(stored.Response.String), &result); err != nil {
		return result, errors.Internal(err, "decode an idempotent response")
	}
	return result, nil
}

func (c claim) store(ctx context.Context, result any) error {
	text, err := json.Marshal(result)
	if err != nil {
		return errors.Internal(err, "encode an idempotent response")
	}
	_, err = db.Exec(ctx, c.pool, `
		update idempotency_keys set response = $5 where tenant_id = $1 and user_id = $2 and key = $3 and created_at = $4`,
		c.key.tenant, c.key.user, c.key.value, c.at, string(text))
	if err != nil {
		return fmt.Errorf("store an idempotent response: %w", err)
	}
	return nil
}

// part:notes part:llm begin

func (c claim) drop(ctx context.Context) error {
	_, err := db.Exec(ctx, c.pool, `
		delete from idempotency_keys where tenant_id = $1 and user_id = $2 and key = $3 and created_at = $4`,
		c.key.tenant, c.key.user, c.key.value, c.at)
	if err != nil {
		return fmt.Errorf("delete an idempotency key: %w", err)
	}
	return nil
}

// part:notes part:llm end
