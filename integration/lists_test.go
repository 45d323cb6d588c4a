package integration

import (
	"net/url"
	"testing"

	"github.com/lib/pq"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netrun-systems/go-service-template/internal/app/apptest"
)

// Imported rows have ids that do not follow their times, and several rows may have one time.
func TestListsAreInOrderOfDatabaseTime(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	ada := s.client.register()
	database := apptest.Superuser(t, s.dsn)
	// Two rows of each second of the future, so that they come before the rows of the service.
	const rows = `from (select gen_random_uuid() as id, date_trunc('second', now()) + n / 2 * interval '1 second' as at, n
		from generate_series(1000, 1006) n) as imported`
	lists := map[string]struct{ insert, query string }{
		"/v1/notes?limit=2": {`insert into notes (id, tenant_id, author_id, title, body, created_at) select id, $1, $2, 'T', '', at ` + rows, `select id from notes order by created_at desc, id desc`}, // part:notes
		"/v1/users?limit=2": {`with added as (insert into users (id, email, password_hash, display_name)
				select gen_random_uuid(), gen_random_uuid() || '@example.com', 'x', '' from generate_series(0, 6) returning id)
			insert into members (tenant_id, user_id, role, created_at)
				select $1, id, 'member', now() + (row_number() over (order by id desc) / 2) * interval '1 second' from added where $2::uuid is not null`,
			`select user_id from members order by created_at desc, user_id desc`},
		"/v1/api-keys?limit=2": {`insert into api_keys (id, tenant_id, user_id, name, hash, hint, scopes, created_at)
			select id, $1, $2, 'K', sha256(id::text::bytea), '', '{users:read}', at ` + rows, `select id from api_keys order by created_at desc, id desc`},
		"/v1/audit?limit=2": {`insert into audit_events (id, tenant_id, actor_id, occurred_at, event, outcome, details)
			select id, $1, $2, at, 'imported', 'success', '{}' ` + rows, `select id from audit_events where tenant_id is not null order by occurred_at desc, id desc`},
	}
	for path, list := range lists {
		_, err := database.ExecContext(t.Context(), list.insert, ada.tenantID, ada.userID)
		require.NoError(t, err, path)
	}
	for path, list := range lists {
		var want pq.StringArray
		all := "select array_agg(id) from (" + list.query + ") as list (id)"
		require.NoError(t, database.QueryRowContext(t.Context(), all).Scan(&want), path)
		require.GreaterOrEqual(t, len(want), 7, path)
		var got []string
		for cursor, more := "", true; more; {
			query := path
			if cursor != "" {
				query += "&cursor=" + url.QueryEscape(cursor)
			}
			res := ada.get(query)
			require.Equal(t, 200, res.status, "%s: %s", query, res.body)
			got = append(got, res.items("id")...)
			cursor, more = res.value("next_cursor").(string)
		}
		assert.Equal(t, []string(want), got, path)
	}
}
