package session_test

import (
	"testing"

	"github.com/netrun-systems/go-service-template/internal/app/access"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// BenchmarkForgedToken measures the refusal of a forged token with the id of a real session.
func BenchmarkForgedToken(b *testing.B) {
	r, d := one(b)
	m := d.Member(b, d.Tenant(b), access.RoleOwner)
	forged := auth.NewRefreshToken(m.TenantID, r.open(b, m).SessionID, auth.NewSeed()).Reveal()
	for b.Loop() {
		if _, err := r.Refresh(b.Context(), forged); !errors.HasCode(err, errors.CodeTokenInvalid) {
			b.Fatal(err)
		}
	}
}

func BenchmarkRefresh(b *testing.B) {
	r, d := one(b)
	tokens := r.open(b, d.Member(b, d.Tenant(b), access.RoleOwner))
	for b.Loop() {
		next, err := r.Refresh(b.Context(), tokens.RefreshToken)
		if err != nil {
			b.Fatal(err)
		}
		tokens = next
	}
}
