package db

// ListenStatement returns what [Listen] begins a session with.
func ListenStatement(o ListenOptions) string { return (&listener{ListenOptions: o}).statement() }
