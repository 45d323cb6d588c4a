// Package apptest holds what the tests of several features need: a migrated database with the pool of the service, tenants and
// members in it, requests to the handlers of one feature, and keys to sign with. Nothing but tests imports it, so no part of it
// is in the service.
//
//	d := apptest.NewDatabase(t)
//	owner := d.Member(t, d.Tenant(t), access.RoleOwner)
//	page, err := notes.NewService(d.Pool).List(apptest.As(t, owner), notes.Filter{}, paging.Query{})
//
// A package that uses the database has the TestMain of package platformtest. What one feature needs alone stays in its tests.
package apptest
