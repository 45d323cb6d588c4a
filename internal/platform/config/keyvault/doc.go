// Package keyvault reads secrets from Azure Key Vault, as a [config.SecretStore].
//
//	store, err := keyvault.New(keyvault.Options{URL: "https://acme.vault.azure.net"})
//	_, err = config.LoadInto(ctx, &cfg, config.Options{Secrets: store})
//
// A secret is found under the name of its variable, with hyphens for underscores, since a vault knows no underscores:
// DATABASE_URL is the secret DATABASE-URL. The newest enabled version counts. A secret that is not there is no error, one
// that cannot be read is: a service must not start on a default because a vault was out of reach.
//
// A value is kept in memory for [Options.TTL]. After that the vault is asked again, and while it fails to answer, the
// value that it gave last stays good for [Options.StaleFor], so that a reload survives an outage of the vault. What a vault
// does not have is remembered likewise, for a TTL.
//
// The credential is that of the environment (azidentity.DefaultAzureCredential: a managed identity, a workload identity,
// the variables AZURE_CLIENT_ID and so on, or a developer's own login), or the one in [Options].
//
// # Lifting it out
//
// Copy the folder. It imports azsecrets, azidentity and azcore of the Azure SDK, and of this module config (for its tests
// only), errors and logging. A program that does not import it links none of the SDK.
package keyvault
