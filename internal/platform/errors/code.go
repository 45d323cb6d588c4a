package errors

import "net/http"

// Code names one kind of error for machines. Codes are compared with ==. A package defines its own
// as variables:
//
//	var CodeQuota = errors.Code{Name: "QUOTA", Status: 429, Message: "The quota is used up"}
//
// A Code is an error, so that [Is] can find it, and [From] treats it like New(code, "").
type Code struct {
	Name    string // SCREAMING_SNAKE_CASE, part of the public contract
	Status  int    // HTTP status, RFC 9110
	Message string // for a client, if the error has no message of its own
}

// Error returns the name.
func (c Code) Error() string { return c.Name }

// errorStatus returns 500 for a status outside of 400..599, so that no error is sent as a success
// or an invalid status.
func (c Code) errorStatus() int {
	if c.Status < http.StatusBadRequest || c.Status > 599 {
		return http.StatusInternalServerError
	}
	return c.Status
}

// The codes of every service. The statuses are those of RFC 9110, RFC 6585 (428, 429) and nginx's
// convention (499).
var (
	CodeValidation     = Code{"VALIDATION_ERROR", 400, "The request is not valid"}
	CodeCORSValidation = Code{"CORS_VALIDATION_ERROR", 400, "The cross-origin request is not valid"}

	CodeAuthentication     = Code{"AUTHENTICATION_ERROR", 401, "Authentication failed"}
	CodeAuthRequired       = Code{"AUTH_REQUIRED", 401, "Authentication is required"}
	CodeInvalidCredentials = Code{"AUTH_INVALID_CREDENTIALS", 401, "The email or the password is wrong"}
	CodeTokenExpired       = Code{"AUTH_TOKEN_EXPIRED", 401, "The access token has expired"}
	CodeTokenInvalid       = Code{"AUTH_TOKEN_INVALID", 401, "The access token is not valid"}
	CodeTokenRevoked       = Code{"AUTH_TOKEN_REVOKED", 401, "The access token has been revoked"}

	CodeAuthorization      = Code{"AUTHORIZATION_ERROR", 403, "This is not allowed"}
	CodePermissionDenied   = Code{"PERMISSION_DENIED", 403, "A permission is missing for this"}
	CodeTenantAccessDenied = Code{"TENANT_ACCESS_DENIED", 403, "This tenant is not accessible"}

	CodeNotFound             = Code{"RESOURCE_NOT_FOUND", 404, "There is no such resource"}
	CodeMethodNotAllowed     = Code{"METHOD_NOT_ALLOWED", 405, "The resource does not support this method"}
	CodeRequestTimeout       = Code{"REQUEST_TIMEOUT", 408, "The request took too long to arrive"}
	CodeConflict             = Code{"RESOURCE_CONFLICT", 409, "The request conflicts with the state of the resource"}
	CodePreconditionFailed   = Code{"PRECONDITION_FAILED", 412, "The resource has changed since it was read"}
	CodePreconditionRequired = Code{"PRECONDITION_REQUIRED", 428, "The request must be conditional"}
	CodePayloadTooLarge      = Code{"PAYLOAD_TOO_LARGE", 413, "The request body is too large"}
	CodeUnsupportedMediaType = Code{"UNSUPPORTED_MEDIA_TYPE", 415, "The media type of the body is not supported"}
	CodeRateLimitExceeded    = Code{"RATE_LIMIT_EXCEEDED", 429, "Too many requests"}
	CodeClientClosedRequest  = Code{"CLIENT_CLOSED_REQUEST", StatusClientClosedRequest, "The client closed the request"}

	CodeInternal           = Code{"INTERNAL_ERROR", 500, "An unexpected error occurred"}
	CodeDatabase           = Code{"DATABASE_ERROR", 500, "A database operation failed"}
	CodeBadGateway         = Code{"BAD_GATEWAY", 502, "An upstream service sent an invalid response"}
	CodeExternalService    = Code{"EXTERNAL_SERVICE_ERROR", 502, "An external service failed"}
	CodeServiceUnavailable = Code{"SERVICE_UNAVAILABLE", 503, "The service is unavailable for the moment"}
	CodeGatewayTimeout     = Code{"GATEWAY_TIMEOUT", 504, "The request took too long"}
)

// The codes of requests to language models.
var (
	CodeLLMInvalidRequest  = Code{"LLM_INVALID_REQUEST", 400, "The language model refuses the request"}
	CodeLLMContextTooLong  = Code{"LLM_CONTEXT_TOO_LONG", 413, "The text is too long for the language model"}
	CodeLLMContentFiltered = Code{"LLM_CONTENT_FILTERED", 422, "The content filter of the model refuses the text"}
	CodeLLMBudgetExceeded  = Code{"LLM_BUDGET_EXCEEDED", 429, "The budget for language models is used up"}
	CodeLLMTruncated       = Code{"LLM_TRUNCATED", 502, "The answer of the language model was cut off"}
	CodeLLMUnavailable     = Code{"LLM_UNAVAILABLE", 503, "No language model is available for the moment"}
	CodeLLMTimeout         = Code{"LLM_TIMEOUT", 504, "The language model took too long"}
)

// StatusClientClosedRequest is the status in logs for a request whose client closed the connection.
const StatusClientClosedRequest = 499
