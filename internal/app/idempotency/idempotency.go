// Package idempotency makes a request that is sent twice take effect once: the answer to the first is kept beside what it
// did, in the same transaction, and given again to the second. It follows the IETF draft on the Idempotency-Key header.
package idempotency

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// Header is the request header that carries the key; HeaderReplayed is "true" in an answer that was kept.
const (
	Header         = "Idempotency-Key"
	HeaderReplayed = "Idempotency-Replayed"
)

// MaxKey is the longest key, in characters.
const MaxKey = 255

// keep is how long a key is remembered.
const keep = 24 * time.Hour

// Key is the key of a request, who sent it, and what it asks for. One value is another key for another user.
type Key struct {
	Value     string
	TenantID  uuid.UUID
	UserID    uuid.UUID
	Operation string // such as "create note"; a key is good for one
}

// ParseKey checks the value of the header: 1 to [MaxKey] printable ASCII characters.
func ParseKey(value string) error {
	if value == "" || len(value) > MaxKey {
		return errors.Invalid(Header, "length", fmt.Sprintf("must have 1 to %d characters", MaxKey))
	}
	for i := range len(value) {
		if value[i] < ' ' || value[i] > '~' {
			return errors.Invalid(Header, "characters", "must be printable ASCII")
		}
	}
	return nil
}

// Do runs fn and keeps its result under key, or returns the result that is kept, with replayed true. It belongs inside a
// tenant transaction: the key, the result and what fn does become visible together, and a second request that comes while
// the first is still running waits for it. A key that was used for another request is a RESOURCE_CONFLICT.
func Do[T any](ctx context.Context, pool *db.Pool, key Key, request any, fn func(context.Context) (T, error)) (result T, replayed bool, err error) {
	hash, err := hashOf(key.Operation, request)
	if err != nil {
		return result, false, err
	}
	first, err := claim(ctx, pool, key, hash)
	if err != nil {
		return result, false, err
	}
	if !first {
		result, err = recall[T](ctx, pool, key, hash)
		return result, true, err
	}
	if result, err = fn(ctx); err != nil {
		return result, false, err
	}
	return result, false, store(ctx, pool, key, result)
}

func hashOf(operation string, request any) ([]byte, error) {
	text, err := json.Marshal([]any{operation, request})
	if err != nil {
		return nil, errors.Internal(err, "hash a request")
	}
	sum := sha256.Sum256(text)
	return sum[:], nil
}

// claim reports whether this request is the first with its key. The insert waits for a transaction that has inserted the
// same key and has not ended. Old keys are forgotten on the way, a few at a time and never those that somebody else is
// about to forget, so that requests do not wait for each other.
func claim(ctx context.Context, pool *db.Pool, key Key, hash []byte) (bool, error) {
	_, err := db.Exec(ctx, pool, `
		delete from idempotency_keys where (tenant_id, user_id, key) in (
			select tenant_id, user_id, key from idempotency_keys
			where tenant_id = $1 and created_at < now() - $2 * interval '1 second'
			order by created_at limit 100 for update skip locked)`, key.TenantID, keep.Seconds())
	if err != nil {
		return false, fmt.Errorf("forget old idempotency keys: %w", err)
	}
	n, err := db.Exec(ctx, pool, `
		insert into idempotency_keys (tenant_id, user_id, key, request_hash) values ($1, $2, $3, $4)
		on conflict do nothing`, key.TenantID, key.UserID, key.Value, hash)
	if err != nil {
		return false, fmt.Errorf("claim an idempotency key: %w", err)
	}
	return n == 1, nil
}

func recall[T any](ctx context.Context, pool *db.Pool, key Key, hash []byte) (result T, err error) {
	type kept struct {
		Same     bool           `db:"same"`
		Response sql.NullString `db:"response"`
	}
	k, err := db.One[kept](ctx, pool, `
		select request_hash = $4 as same, response::text from idempotency_keys where tenant_id = $1 and user_id = $2 and key = $3`,
		key.TenantID, key.UserID, key.Value, hash)
	switch {
	case errors.Is(err, sql.ErrNoRows) || (err == nil && k.Same && !k.Response.Valid):
		return result, errors.Unavailable(err, "The first request with this key has not been answered yet", time.Second)
	case err != nil:
		return result, fmt.Errorf("recall an idempotent response: %w", err)
	case !k.Same:
		return result, errors.New(errors.CodeConflict, "The Idempotency-Key was used for another request")
	}
	if err := json.Unmarshal([]byte(k.Response.String), &result); err != nil {
		return result, errors.Internal(err, "read a kept response")
	}
	return result, nil
}

func store(ctx context.Context, pool *db.Pool, key Key, result any) error {
	text, err := json.Marshal(result)
	if err != nil {
		return errors.Internal(err, "keep a response")
	}
	_, err = db.Exec(ctx, pool, `update idempotency_keys set response = $4 where tenant_id = $1 and user_id = $2 and key = $3`,
		key.TenantID, key.UserID, key.Value, string(text))
	if err != nil {
		return fmt.Errorf("keep an idempotent response: %w", err)
	}
	return nil
}
