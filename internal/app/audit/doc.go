// Package audit is the audit trail: who did what, to what, when and from where. It is written in the transaction of what it
// tells of, so that there is no deed without its entry and no entry without its deed, and only ever added to.
//
//	err := pool.InTenant(ctx, func(ctx context.Context) error {
//		if err := store.revoke(ctx, id); err != nil {
//			return err
//		}
//		return recorder.Record(ctx, audit.Entry{Event: "api_key_revoked", TargetType: "api_key", TargetID: id.String()})
//	})
//
// Once that has committed, the entry is also a line of the log, with audit=true, and is handed to every [Sink], such as one
// that sends it to a collector of security events.
//
// # Trails
//
// An entry belongs to the tenant of its transaction, and row security keeps it there. Without a tenant it is of the system
// trail, which the service writes and cannot read. What a stranger can cause as often as they like, such as a credential that
// is nobody's, is in the log only: the table is not theirs to fill. Nor is it a member's, or that of who has a key that was
// revoked: the same refusal has a row a minute at most on each replica.
//
// Tenants read their own trail at GET /v1/audit. It stays when what it tells of is deleted, a tenant included.
//
// # What it does not hold
//
// No password, token or key: details are redacted by name and by shape, see the package logging, and cut to a size. An
// address and the ids of people are personal data. They are kept until an operator removes them, with audit_events_prune in
// the database, which leaves the last 90 days alone. Nothing else removes or changes an entry: the role of the service may
// not, and a trigger refuses it to all others.
package audit
