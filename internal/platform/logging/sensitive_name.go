package logging

// Sensitive reports whether a value of this name is kept out of the log: whether a word of it, as in db_password, apiKey
// or Set-Cookie, says that the value is a secret. Names that are only about a secret, such as token_type, are not.
func Sensitive(name string) bool { return sensitive(name) }
