package audit_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/platform/db"
)

// Below row security an index serves a filter only where PostgreSQL trusts the operator, so this is asked as the service.
func TestListsUseAnIndex(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	tenant := uuid.New()
	f.Exec(t, `
		insert into audit_events (id, tenant_id, occurred_at, event, outcome, actor_id, target_type, target_id, details)
		select gen_random_uuid(), case when n % 2 = 0 then $1::uuid else gen_random_uuid() end, now(), 'token_refreshed', 'success',
			gen_random_uuid(), 'session', n, '{}' from generate_series(1, 20000) n`, tenant)
	f.Exec(t, `analyze audit_events`)
	for condition, want := range map[string]string{
		"true":                   "audit_events_tenant_id_id_idx",
		"event = 'member_added'": "audit_events_event_idx",
		"actor_id = '01890a5d-ac96-774b-bcce-b302099a8057'":                                            "audit_events_actor_id_idx",
		"target_type = 'user' and target_id = '42'":                                                    "audit_events_target_id_idx",
		"id >= '01890a5d-ac96-774b-bcce-b302099a8057' and id < '01890a5d-ac96-774b-bcce-b302099a8058'": "audit_events_tenant_id_id_idx",
	} {
		require.NoError(t, f.Pool.InTenant(db.WithTenant(t.Context(), tenant), func(ctx context.Context) error {
			plan, err := db.All[string](ctx, f.Pool, `explain select id from audit_events where `+condition+` order by id desc limit 21`)
			assert.Contains(t, strings.Join(plan, "\n"), want, condition)
			return err
		}))
	}
}
