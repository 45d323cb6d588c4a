package session_test

import (
	"database/sql"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/app/apptest"
	"github.com/netrun-systems/go-service-template/internal/app/session"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/server"
)

const ageRotation = `update sessions set rotated_at = rotated_at - interval '1 hour'`

func TestRefreshRotates(t *testing.T) {
	t.Parallel()
	r, d := one(t)
	m := d.Member(t, d.Tenant(t), access.RoleMember)
	first := r.open(t, m)
	assert.Equal(t, "Bearer", first.TokenType)
	assert.InDelta(t, 900, first.ExpiresIn, 1)
	before := r.principal(t, first)
	assert.Equal(t, m.TenantID, before.TenantID)
	assert.Equal(t, m.UserID, before.UserID)
	assert.Equal(t, first.SessionID, before.SessionID)
	assert.Zero(t, before.Generation)

	d.Exec(t, `update members set role = 'viewer'`)
	second := r.refresh(t, first)
	assert.NotEqual(t, first.RefreshToken, second.RefreshToken)
	after := r.principal(t, second)
	assert.Equal(t, []auth.Role{access.RoleViewer}, after.Roles, "the roles are those of now")
	assert.Equal(t, first.SessionID, after.SessionID)
	assert.EqualValues(t, 1, after.Generation)

	issued := r.trail.of("token_issued")
	require.Len(t, issued, 2)
	for i, reason := range []string{"login", "refresh"} {
		assert.Equal(t, reason, issued[i].Reason)
		assert.Equal(t, m.UserID, issued[i].ActorID)
		assert.Equal(t, first.SessionID, issued[i].SessionID)
	}
	for _, e := range r.trail.entries {
		for _, secret := range []string{first.RefreshToken, second.RefreshToken, first.AccessToken, second.AccessToken} {
			assert.NotContains(t, e.Details, secret)
			assert.NotContains(t, e.Reason+e.TargetID, secret)
		}
	}
}

// Of many concurrent requests with one token on several replicas, one rotates, and all get the same successor.
func TestConcurrentRefreshRotatesOnce(t *testing.T) {
	t.Parallel()
	d := apptest.NewDatabase(t)
	replicas := []*replica{newReplica(t, d.Pool), newReplica(t, apptest.Pool(t, d.DSN))}
	first := replicas[0].open(t, d.Member(t, d.Tenant(t), access.RoleOwner))

	const many = 50
	answers, failures := make([]session.Tokens, many), make([]error, many)
	begin := make(chan struct{})
	var all sync.WaitGroup
	for i := range many {
		all.Go(func() {
			<-begin
			answers[i], failures[i] = replicas[i%2].Refresh(server.WithClient(t.Context(), laptop), first.RefreshToken)
		})
	}
	close(begin)
	all.Wait()
	for i := range many {
		require.NoError(t, failures[i])
		assert.Equal(t, answers[0].RefreshToken, answers[i].RefreshToken)
		assert.EqualValues(t, 1, replicas[0].principal(t, answers[i]).Generation)
	}
	assert.Equal(t, 1, d.Count(t, `select generation from sessions`), "one rotation")

	d.Exec(t, ageRotation)
	replicas[1].refused(t, first, errors.CodeTokenRevoked)
	replicas[0].refused(t, answers[0], errors.CodeTokenRevoked)
	assert.Zero(t, d.Count(t, `select count(*) from sessions where revoked_at is null`), "no token of the family is alive")
	for _, r := range replicas {
		r.stale(t, answers[0])
	}
	assert.Len(t, replicas[1].trail.of("refresh_reuse_detected"), 1)
}

func TestConcurrentReuseIsOneEvent(t *testing.T) {
	t.Parallel()
	r, d := one(t)
	first := r.open(t, d.Member(t, d.Tenant(t), access.RoleOwner))
	r.refresh(t, first)
	d.Exec(t, ageRotation)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			_, err := r.Refresh(server.WithClient(t.Context(), laptop), first.RefreshToken)
			assert.True(t, errors.HasCode(err, errors.CodeTokenRevoked), err)
		})
	}
	all.Wait()
	assert.Len(t, r.trail.of("refresh_reuse_detected"), 1)
	assert.Len(t, r.trail.of("session_revoked"), 1)
}

func TestUsedRefreshTokens(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		grace   time.Duration
		spend   int // how often the successor of the token is exchanged, and so on
		prepare string
		ends    bool
	}{
		"within the grace":                  {grace: time.Minute, spend: 1},
		"without a grace":                   {spend: 1, ends: true},
		"after the grace":                   {grace: time.Minute, spend: 1, prepare: ageRotation, ends: true},
		"the successor has been used":       {grace: time.Minute, spend: 2, ends: true},
		"so have many after it":             {grace: time.Minute, spend: 20, ends: true},
		"long ago, its successor used, too": {grace: time.Minute, spend: 2, prepare: ageRotation, ends: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, d := one(t, func(c *session.Config) { c.RefreshGrace = tt.grace })
			first := r.open(t, d.Member(t, d.Tenant(t), access.RoleOwner))
			last := first
			for range tt.spend {
				last = r.refresh(t, last)
			}
			if tt.prepare != "" {
				d.Exec(t, tt.prepare)
			}
			if !tt.ends {
				before := len(r.trail.of("token_issued"))
				assert.Equal(t, last.RefreshToken, r.refresh(t, first).RefreshToken, "the same successor")
				assert.Len(t, r.trail.of("token_issued"), before, "repetitions do not fill the trail")
				r.refresh(t, last)
				assert.Empty(t, r.trail.of("session_revoked"))
				return
			}
			r.refused(t, first, errors.CodeTokenRevoked)
			r.refused(t, last, errors.CodeTokenRevoked)
			r.stale(t, last)
			ended := r.trail.of("session_revoked")
			require.Len(t, ended, 1)
			assert.Equal(t, "reused_refresh_token", ended[0].Reason)
		})
	}
}

func TestForgedTokenDoesNotRevokeSession(t *testing.T) {
	t.Parallel()
	r, d := one(t)
	m := d.Member(t, d.Tenant(t), access.RoleOwner)
	tokens := r.open(t, m)
	tokens = r.refresh(t, tokens)
	other := r.open(t, d.Member(t, d.Tenant(t), access.RoleOwner))
	for name, text := range map[string]string{
		"another secret":        auth.NewRefreshToken(m.TenantID, tokens.SessionID, auth.NewSeed()).Reveal(),
		"another tenant":        auth.NewRefreshToken(uuid.New(), tokens.SessionID, auth.NewSeed()).Reveal(),
		"a session of another":  auth.NewRefreshToken(m.TenantID, other.SessionID, auth.NewSeed()).Reveal(),
		"no session":            auth.NewRefreshToken(m.TenantID, uuid.New(), auth.NewSeed()).Reveal(),
		"garbled":               tokens.RefreshToken[:20] + "AAAA" + tokens.RefreshToken[24:],
		"cut":                   tokens.RefreshToken[:40],
		"an access token":       tokens.AccessToken,
		"long":                  "rt_" + strings.Repeat("A", 1<<16),
		"nothing but a prefix":  "rt_",
		"not printable, no utf": "\x00\xff",
	} {
		_, err := r.Refresh(server.WithClient(t.Context(), laptop), text)
		assert.True(t, errors.HasCode(err, errors.CodeTokenInvalid), "%s: %v", name, err)
		assert.NotContains(t, err.Error(), text, name)
	}
	r.refresh(t, tokens)
	r.refresh(t, other)

	d.Exec(t, `update sessions set revoked_at = now(), revoked_reason = 'x'`)
	_, err := r.Refresh(server.WithClient(t.Context(), laptop), auth.NewRefreshToken(m.TenantID, tokens.SessionID, auth.NewSeed()).Reveal())
	assert.True(t, errors.HasCode(err, errors.CodeTokenInvalid), "what has become of the session is not told: %v", err)
}

// An attacker with the database and an older token cannot make a valid token.
func TestDatabaseContentMakesNoValidToken(t *testing.T) {
	t.Parallel()
	r, d := one(t)
	first := r.open(t, d.Member(t, d.Tenant(t), access.RoleOwner))
	last := r.refresh(t, r.refresh(t, r.refresh(t, first)))
	var family, seed []byte
	require.NoError(t, d.Superuser.QueryRowContext(t.Context(), `select family, seed from sessions`).Scan(&family, &seed))
	old, err := auth.ParseRefreshToken(first.RefreshToken)
	require.NoError(t, err)
	require.True(t, old.Of(family))
	next := old
	for range 100 {
		next = next.Successor(family, seed)
		require.NotEqual(t, last.RefreshToken, next.Reveal())
	}
}

func TestRefreshOfEndedSession(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change string
		code   errors.Code
	}{
		"not used for too long":    {`update sessions set idle_expires_at = now() - interval '1 second'`, errors.CodeTokenExpired},
		"too old":                  {`update sessions set idle_expires_at = now(), expires_at = now()`, errors.CodeTokenExpired},
		"in its last moment":       {`update sessions set idle_expires_at = now() + interval '900 ms', expires_at = now() + interval '900 ms'`, errors.CodeTokenExpired},
		"revoked":                  {`update sessions set revoked_at = now(), revoked_reason = 'x'`, errors.CodeTokenRevoked},
		"revoked and expired":      {`update sessions set revoked_at = now(), revoked_reason = 'x', idle_expires_at = now() - interval '1 second'`, errors.CodeTokenRevoked},
		"the member is gone":       {`delete from members`, errors.CodeTokenInvalid},
		"just before it is so old": {`update sessions set idle_expires_at = now() + interval '1 hour', expires_at = now() + interval '1 hour'`, errors.Code{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, d := one(t)
			tokens := r.open(t, d.Member(t, d.Tenant(t), access.RoleOwner))
			d.Exec(t, tt.change)
			if tt.code != (errors.Code{}) {
				r.refused(t, tokens, tt.code)
				return
			}
			r.refresh(t, tokens)
			assert.Equal(t, 1, d.Count(t, `select count(*) from sessions where idle_expires_at = expires_at`), "use does not prolong the whole life")
		})
	}
}

func TestAccessTokenExpiresWithSession(t *testing.T) {
	t.Parallel()
	r, d := one(t)
	tokens := r.open(t, d.Member(t, d.Tenant(t), access.RoleOwner))
	d.Exec(t, `update sessions set idle_expires_at = now() + interval '5 minutes', expires_at = now() + interval '5 minutes'`)
	next := r.refresh(t, tokens)
	assert.InDelta(t, 300, next.ExpiresIn, 5)
	assert.WithinDuration(t, time.Now().Add(5*time.Minute), r.principal(t, next).ExpiresAt, 5*time.Second)
}

func TestRefreshExtendsSession(t *testing.T) {
	t.Parallel()
	r, d := one(t)
	tokens := r.open(t, d.Member(t, d.Tenant(t), access.RoleOwner))
	d.Exec(t, `update sessions set idle_expires_at = now() + interval '1 minute'`)
	r.refresh(t, tokens)
	assert.Equal(t, 1, d.Count(t, `select count(*) from sessions where idle_expires_at > now() + interval '719 hours' and idle_expires_at < expires_at`))
}

// A refresh that waits for another change of its session obeys the result of that change.
func TestRefreshSeesWhatChangedMeanwhile(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change string
		code   errors.Code
	}{
		"revoked":   {`update sessions set revoked_at = now(), revoked_reason = 'x'`, errors.CodeTokenRevoked},
		"expired":   {`update sessions set idle_expires_at = now() - interval '1 second'`, errors.CodeTokenExpired},
		"exchanged": {`update sessions set refresh_hash = sha256('another'), generation = 1, rotated_at = now()`, errors.CodeTokenRevoked},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, d := one(t)
			tokens := r.open(t, d.Member(t, d.Tenant(t), access.RoleOwner))
			refreshed := r.refreshDuring(t, d, tokens, func(tx *sql.Tx) {
				_, err := tx.ExecContext(t.Context(), tt.change)
				require.NoError(t, err)
			})
			assert.True(t, errors.HasCode(refreshed, tt.code), "%v", refreshed)
			assert.Equal(t, name == "exchanged", len(r.trail.of("refresh_reuse_detected")) == 1)
		})
	}
}

// refreshDuring refreshes while another transaction has locked the session, which change ends after the
// refresh has begun to wait.
func (r *replica) refreshDuring(t *testing.T, d *apptest.Database, tokens session.Tokens, change func(*sql.Tx)) error {
	t.Helper()
	tx, err := d.Superuser.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = tx.ExecContext(t.Context(), `update sessions set last_used_at = now()`)
	require.NoError(t, err)
	refreshed := make(chan error, 1)
	go func() {
		_, err := r.Refresh(server.WithClient(t.Context(), laptop), tokens.RefreshToken)
		refreshed <- err
	}()
	d.AwaitLock(t)
	change(tx)
	require.NoError(t, tx.Commit())
	return <-refreshed
}

// The time for which a refresh has waited counts for the grace period, and not for the time of its own
// rotation: now() is when the transaction began.
func TestGracePeriodFollowsTheWallClock(t *testing.T) {
	t.Parallel()
	r, d := one(t)
	tokens := r.open(t, d.Member(t, d.Tenant(t), access.RoleOwner))
	var released time.Time
	require.NoError(t, r.refreshDuring(t, d, tokens, func(tx *sql.Tx) {
		require.NoError(t, tx.QueryRowContext(t.Context(), `select clock_timestamp()`).Scan(&released))
	}))
	assert.Equal(t, 1, d.Count(t, `select count(*) from sessions where rotated_at > $1`, released), "rotated after the wait")

	r, d = one(t)
	tokens = r.open(t, d.Member(t, d.Tenant(t), access.RoleOwner))
	token, err := auth.ParseRefreshToken(tokens.RefreshToken)
	require.NoError(t, err)
	err = r.refreshDuring(t, d, tokens, func(tx *sql.Tx) { // as another request that rotates; the grace period ends now
		var family []byte
		require.NoError(t, tx.QueryRowContext(t.Context(), `select family from sessions`).Scan(&family))
		seed := auth.NewSeed()
		_, err := tx.ExecContext(t.Context(), `
			update sessions set refresh_hash = $1, seed = $2, generation = 1, rotated_at = clock_timestamp() - interval '10 seconds'`,
			token.Successor(family, seed).Hash(), seed)
		require.NoError(t, err)
	})
	assert.True(t, errors.HasCode(err, errors.CodeTokenRevoked), "%v", err)
	assert.Len(t, r.trail.of("refresh_reuse_detected"), 1)
}
