package db

// SSLMode returns the sslmode that a DSN results in.
func SSLMode(dsn string) (string, error) {
	cfg, err := parseDSN(dsn)
	return string(cfg.SSLMode), err
}
