package auth

import "github.com/netrun-systems/go-service-template/internal/platform/errors"

// refusal is why a credential is not taken: a fixed word for the audit trail, never a part of the credential.
type refusal string

// Error returns the word.
func (r refusal) Error() string { return string(r) }

// Of requests.
const (
	refusedHeader  refusal = "malformed_authorization_header"
	refusedSeveral refusal = "several_credentials"
)

// Of access tokens.
const (
	refusedSize       refusal = "token_too_long"
	refusedLineBreak  refusal = "line_break"
	refusedSegments   refusal = "not_three_segments"
	refusedEncoding   refusal = "bad_base64url"
	refusedHeaderJSON refusal = "bad_token_header"
	refusedCritical   refusal = "critical_header"
	refusedForeignKey refusal = "key_in_header"
	refusedType       refusal = "wrong_token_type"
	refusedKeyID      refusal = "key_id_too_long"
	refusedKey        refusal = "unknown_key"
	refusedAlgorithm  refusal = "wrong_algorithm"
	refusedSignature  refusal = "bad_signature"
	refusedClaims     refusal = "bad_claims"
	refusedMissing    refusal = "missing_claim"
	refusedIssuer     refusal = "wrong_issuer"
	refusedAudience   refusal = "wrong_audience"
	refusedSubject    refusal = "bad_subject"
	refusedTenant     refusal = "bad_tenant"
	refusedRole       refusal = "unknown_role"
	refusedSession    refusal = "bad_session"
	refusedEarly      refusal = "not_yet_valid"
	refusedExpired    refusal = "expired"
	refusedRevoked    refusal = "revoked"
)

// Of API keys.
const (
	refusedKeyText    refusal = "malformed_api_key"
	refusedKeyUnknown refusal = "unknown_api_key"
	refusedKeyExpired refusal = "expired_api_key"
	refusedKeyRevoked refusal = "revoked_api_key"
)

// asError returns what the client is told, with the whole story as the cause.
func (r refusal) asError(who Principal) error {
	cause := &Rejection{Reason: string(r), Principal: who}
	switch r {
	case refusedExpired:
		return errors.Wrap(cause, errors.CodeTokenExpired, "")
	case refusedRevoked:
		return errors.Wrap(cause, errors.CodeTokenRevoked, "")
	case refusedKeyExpired:
		return errors.Wrap(cause, errors.CodeTokenExpired, "The API key has expired")
	case refusedKeyRevoked:
		return errors.Wrap(cause, errors.CodeTokenRevoked, "The API key has been revoked")
	case refusedKeyText, refusedKeyUnknown:
		return errors.Wrap(cause, errors.CodeTokenInvalid, "The API key is not valid")
	case refusedSeveral:
		return errors.Wrap(cause, errors.CodeValidation, "A request must bring one credential, once").
			With("fields", []errors.FieldError{{Field: "Authorization", Rule: "single", Message: "must be the only credential, once"}})
	default:
		return errors.Wrap(cause, errors.CodeTokenInvalid, "")
	}
}
