package keyvault

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

var (
	errNoValue    = errors.Sentinel("the answer holds no value")
	errCredential = errors.Sentinel("the credential is refused")
	errAnswer     = errors.Sentinel("the answer cannot be read")
)

// describe says what went wrong in words of its own. The errors of the SDK print whole responses, and their text may hold
// what is not for a log.
func describe(ctx context.Context, err error) error {
	if answer, ok := errors.AsType[*azcore.ResponseError](err); ok {
		return fmt.Errorf("status %d, %s", answer.StatusCode, printable(answer.ErrorCode))
	}
	if cause := ctx.Err(); cause != nil {
		return cause
	}
	if _, ok := errors.AsType[*azidentity.AuthenticationFailedError](err); ok {
		return errCredential
	}
	if failed, ok := errors.AsType[*url.Error](err); ok {
		return failed.Err
	}
	if errors.Is(err, errNoValue) {
		return errNoValue
	}
	return errAnswer
}

// printable keeps an error code of a vault, which is a word, from being anything else.
func printable(code string) string {
	const most = 64
	if code == "" || len(code) > most || strings.IndexFunc(code, notInName) >= 0 {
		return "no error code"
	}
	return code
}
