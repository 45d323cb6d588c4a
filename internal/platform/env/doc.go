// Package env checks dotenv files before they are deployed: against a schema or against the service's own configuration, for
// the safety of what they hold, and for slips of the keyboard. Every finding has a file, a line and a column, and none of them
// ever holds a value.
//
//	file, err := env.ReadFile(".env.production")
//	v := env.Validator{Level: env.Production, Schema: schema}
//	result := v.Validate(ctx, file)
//	err = result.Err() // a VALIDATION_ERROR, or nil
//
// It complements package config, which reads the settings of a running program from all of their sources and refuses to
// start on bad ones. This package looks at one file, on the machine of who writes it or in continuous integration, and says
// what config could not: that a variable is there twice, that a secret is a placeholder, that the file is readable by everybody.
// Both read files with the parser of package dotenv below this one, and judge secrets by package strength.
//
// # Schemas
//
// A [Schema] says of each variable its type, whether it is required, and its rules. [Infer] makes a first one from a file.
// Types are string, integer, float, boolean (true, false, yes, no, on, off, 1, 0), url, secret, email, path and duration (30s, or
// a number of seconds).
//
// # Levels
//
// What is a mistake depends on where the file is meant for:
//
//	                                             development  staging  production
//	placeholders, weak and short secrets         warning      error    error
//	http:// addresses, of localhost and in lists -            error    error
//	sslmode=disable in a DSN, * in CORS_ORIGINS  -            warning  error
//	debug switched on                            -            warning  error
//	secrets in a file that others may read       warning      warning  error
//	HS256 and its like, none, unknown ones in a variable named …JWT_ALGORITHM: an error everywhere
//
// A variable holds a secret where a word of its name says so, or where the schema does; of a URL or a DSN the password counts.
//
// # Lifting it out
//
// Copy the folder with its subfolders and those of logging and errors. It imports go-json-experiment/json, and for its tests
// testify and goleak.
package env
