package db

// ListenStatement returns what [Pool.Listen] begins a session with.
func ListenStatement(o ListenOptions) string {
	return (&listener{ListenOptions: o, probe: "probe"}).statement()
}

// SSLMode returns the sslmode that a DSN results in.
func SSLMode(dsn string) (string, error) {
	cfg, err := parseDSN(dsn)
	return string(cfg.SSLMode), err
}
