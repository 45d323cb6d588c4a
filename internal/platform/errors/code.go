package errors

import "net/http"

// Code names one kind of error for machines. Codes are compared with ==. A package defines its own as variables:
//
//	var CodeQuota = errors.Code{Name: "QUOTA_EXCEEDED", Status: 429, Message: "The quota is used up"}
//
// A Code is an error too, so that [Is] can look for it. Returned as one it is rendered like New(code, ""), but does not
// know where.
type Code struct {
	Name    string // SCREAMING_SNAKE_CASE, part of the public contract
	Status  int    // HTTP status, RFC 9110
	Message string // what a client reads when the error says nothing more precise
}

// String returns the name.
func (c Code) String() string { return c.Name }

// Error returns the name.
func (c Code) Error() string { return c.Name }

// status keeps a Code that was filled in wrongly from being written as a success, or as a number HTTP does not have.
func (c Code) status() int {
	if c.Status < http.StatusBadRequest || c.Status > 599 {
		return http.StatusInternalServerError
	}
	return c.Status
}

// MarshalText returns the name, so that a Code in JSON is its name.
func (c Code) MarshalText() ([]byte, error) { return []byte(c.Name), nil }

// The codes every service has. The statuses are those of RFC 9110, RFC 6585 (428, 429) and nginx's convention (499).
var (
	CodeValidation     = Code{"VALIDATION_ERROR", http.StatusBadRequest, "The request is not valid"}
	CodeCORSValidation = Code{"CORS_VALIDATION_ERROR", http.StatusBadRequest, "The cross-origin request is not valid"}

	CodeAuthentication     = Code{"AUTHENTICATION_ERROR", http.StatusUnauthorized, "Authentication failed"}
	CodeAuthRequired       = Code{"AUTH_REQUIRED", http.StatusUnauthorized, "Authentication is required"}
	CodeInvalidCredentials = Code{"AUTH_INVALID_CREDENTIALS", http.StatusUnauthorized, "The email or the password is wrong"}
	CodeTokenExpired       = Code{"AUTH_TOKEN_EXPIRED", http.StatusUnauthorized, "The access token has expired"}
	CodeTokenInvalid       = Code{"AUTH_TOKEN_INVALID", http.StatusUnauthorized, "The access token is not valid"}
	CodeTokenRevoked       = Code{"AUTH_TOKEN_REVOKED", http.StatusUnauthorized, "The access token has been revoked"}

	CodeAuthorization      = Code{"AUTHORIZATION_ERROR", http.StatusForbidden, "This is not allowed"}
	CodePermissionDenied   = Code{"PERMISSION_DENIED", http.StatusForbidden, "A permission is missing for this"}
	CodeTenantAccessDenied = Code{"TENANT_ACCESS_DENIED", http.StatusForbidden, "This tenant is not accessible"}

	CodeNotFound             = Code{"RESOURCE_NOT_FOUND", http.StatusNotFound, "There is no such resource"}
	CodeMethodNotAllowed     = Code{"METHOD_NOT_ALLOWED", http.StatusMethodNotAllowed, "The resource does not support this method"}
	CodeRequestTimeout       = Code{"REQUEST_TIMEOUT", http.StatusRequestTimeout, "The request took too long to arrive"}
	CodeConflict             = Code{"RESOURCE_CONFLICT", http.StatusConflict, "The request conflicts with the state of the resource"}
	CodePreconditionFailed   = Code{"PRECONDITION_FAILED", http.StatusPreconditionFailed, "The resource has changed since it was read"}
	CodePreconditionRequired = Code{"PRECONDITION_REQUIRED", http.StatusPreconditionRequired, "The request must be conditional"}
	CodePayloadTooLarge      = Code{"PAYLOAD_TOO_LARGE", http.StatusRequestEntityTooLarge, "The request body is too large"}
	CodeUnsupportedMediaType = Code{"UNSUPPORTED_MEDIA_TYPE", http.StatusUnsupportedMediaType, "The media type of the request body is not supported"}
	CodeRateLimitExceeded    = Code{"RATE_LIMIT_EXCEEDED", http.StatusTooManyRequests, "Too many requests"}
	CodeClientClosedRequest  = Code{"CLIENT_CLOSED_REQUEST", StatusClientClosedRequest, "The client closed the request"}

	CodeInternal           = Code{"INTERNAL_ERROR", http.StatusInternalServerError, "An unexpected error occurred"}
	CodeDatabase           = Code{"DATABASE_ERROR", http.StatusInternalServerError, "A database operation failed"}
	CodeBadGateway         = Code{"BAD_GATEWAY", http.StatusBadGateway, "An upstream service sent an invalid response"}
	CodeExternalService    = Code{"EXTERNAL_SERVICE_ERROR", http.StatusBadGateway, "An external service failed"}
	CodeServiceUnavailable = Code{"SERVICE_UNAVAILABLE", http.StatusServiceUnavailable, "The service is unavailable for the moment"}
	CodeGatewayTimeout     = Code{"GATEWAY_TIMEOUT", http.StatusGatewayTimeout, "The request took too long"}
)

// The codes of what a language model may answer.
var (
	CodeLLMInvalidRequest  = Code{"LLM_INVALID_REQUEST", http.StatusBadRequest, "The language model refuses the request"}
	CodeLLMContextTooLong  = Code{"LLM_CONTEXT_TOO_LONG", http.StatusRequestEntityTooLarge, "The text is too long for the language model"}
	CodeLLMContentFiltered = Code{"LLM_CONTENT_FILTERED", http.StatusUnprocessableEntity, "The content filter of the language model refuses the text"}
	CodeLLMBudgetExceeded  = Code{"LLM_BUDGET_EXCEEDED", http.StatusTooManyRequests, "The budget for language models is used up"}
	CodeLLMTruncated       = Code{"LLM_TRUNCATED", http.StatusBadGateway, "The answer of the language model was cut off"}
	CodeLLMUnavailable     = Code{"LLM_UNAVAILABLE", http.StatusServiceUnavailable, "No language model is available for the moment"}
	CodeLLMTimeout         = Code{"LLM_TIMEOUT", http.StatusGatewayTimeout, "The language model took too long"}
)

// StatusClientClosedRequest is the status the access log shows for a request whose client went away. No client sees it.
const StatusClientClosedRequest = 499
