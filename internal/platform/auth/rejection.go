package auth

import (
	"strings"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// Rejection is why a credential was not taken, for the audit trail. It is the cause of the error that the client gets, who
// reads no more than expired, revoked or not valid.
type Rejection struct {
	Reason string // a fixed word in snake_case, never a part of the credential

	// Principal is who the credential belongs to. It is zero unless the credential is one that the service gave out: what
	// a forged one says is nobody's word.
	Principal Principal
}

// Error returns the reason.
func (r *Rejection) Error() string { return r.Reason }

// What an [Authentication].APIKey function returns for a key that it refuses.
var (
	ErrAPIKeyUnknown error = refusedKeyUnknown
	ErrAPIKeyExpired error = refusedKeyExpired
	ErrAPIKeyRevoked error = refusedKeyRevoked
)

// ErrTokenExpired has for a text the [Rejection].Reason of an access token whose time is over, which every client brings now and
// then.
var ErrTokenExpired error = refusedExpired

// asRejection returns the rejection that err is, or nil where it is something else, such as a database that is away. An
// error of status 401 without a reason has its code for one.
func asRejection(err error, who Principal) *Rejection {
	if r, ok := errors.AsType[*Rejection](err); ok {
		return r
	}
	if e, ok := errors.AsType[*errors.Error](err); ok && e.Status() == errors.CodeAuthentication.Status {
		return &Rejection{Reason: strings.ToLower(e.Code.Name), Principal: who}
	}
	return nil
}
