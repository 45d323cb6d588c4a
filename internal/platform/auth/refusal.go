package auth

import "github.com/netrun-systems/go-service-template/internal/platform/errors"

// refusal is why a token is not taken: a fixed word for the audit log, never a part of the token.
type refusal string

// Error returns the word.
func (r refusal) Error() string { return string(r) }

const (
	refusedHeader     refusal = "malformed_authorization_header"
	refusedSeveral    refusal = "several_authorization_headers"
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
	refusedEarly      refusal = "not_yet_valid"
	refusedExpired    refusal = "expired"
	refusedRevoked    refusal = "revoked"
)

// asError returns what the client is told: expired, revoked, or not valid, and no more than that.
func (r refusal) asError() error {
	code := errors.CodeTokenInvalid
	if r == refusedExpired {
		code = errors.CodeTokenExpired
	}
	if r == refusedRevoked {
		code = errors.CodeTokenRevoked
	}
	return errors.Wrap(r, code, "")
}
