package keyvault_test

import (
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"
)

// untrusting returns options without the certificate of the test's vault.
func untrusting() *azsecrets.ClientOptions {
	o := &azsecrets.ClientOptions{DisableChallengeResourceVerification: true}
	o.Transport = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	o.Retry.MaxRetries = -1
	return o
}
