package keyvault

// Config names the vault. It is read before all other settings, since the vault may hold those.
type Config struct {
	URL string `env:"AZURE_KEY_VAULT_URL" env-rule:"url=https" env-description:"vault that holds secrets under their names, with - for _; off when empty"`
}
