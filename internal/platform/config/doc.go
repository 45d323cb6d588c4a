// Package config reads the settings of a program into tagged structs. It reports everything that is
// wrong at once, each problem with its variable and rule and never with the value.
//
//	type Config struct {
//		config.Base
//		PoolSize int           `env:"DB_POOL_SIZE" env-default:"20" env-rule:"range=1..100" env-description:"idle connections kept open"`
//		URL      config.Secret `env:"DATABASE_URL" env-description:"postgres:// URL or key=value DSN"`
//	}
//
//	func (c *Config) Validate(report func(variable, rule, message string)) {
//		if c.IsProduction() && c.URL.IsZero() {
//			report("DATABASE_URL", "required", "is required in production")
//		}
//	}
//
//	c, provenance, err := config.Load[Config](ctx, config.Options{})
//
// A program puts the Config of each of its packages into one struct and loads that. Several fields
// may have the same variable if their types and tags are equal.
//
// # From the environment to the field
//
// These functions run in this order, in load.go, fields.go, sources.go, values.go, problems.go and
// show.go:
//
//	Load                 reads a new T
//	newPlan              collects the variables, tags and validators of T
//	newSources           opens the layers: process environment, dotenv file
//	sources.read         finds the text of each variable: layers, secret store, default
//	sources.find         asks the layers for NAME, and for NAME_FILE
//	plan.fill            converts all texts and calls the validators
//	field.parse          converts one text and checks its rule
//	field.convert        normalizes the text and has cleanenv convert it
//	field.set            assigns it to the struct fields
//	problems.add         receives what Validate reports
//	newProvenance        records values and sources for "config show"
//	problems.err         returns all problems as one Error
//
// # Sources
//
// The first source that has a value is used: the process environment; NAME_FILE, for a [Secret] or
// a field with env-file:"allow"; the dotenv file, where NAME_FILE also works and also comes after
// NAME; the [SecretStore], for a [Secret]; the default. A variable that is set but empty counts as
// unset, unless its field has env-empty:"allow".
//
// The dotenv file is the one that ENV_FILE names, or .env in development and testing. If
// APP_ENVIRONMENT is not in the process environment, .env is read too. It may then set testing, but
// not staging or production: a failed start is better than a production service with a developer's
// settings.
//
// NAME_FILE and ENV_FILE must name regular files or named pipes of at most 1 MiB. The secret store is
// asked for all secrets at once and has 15 s for them.
//
// Unknown variables are ignored. Those that look like a misspelled variable are in [Provenance] and
// [Error].
//
// # Tags
//
//	env              name of the variable
//	env-default      value if no source has one
//	env-description  for people, see Describe
//	env-empty        "allow": an empty variable is an empty value
//	env-live         "true": a reload applies a change, see Reloader
//	env-file         "allow": NAME_FILE may name a file that holds the value, as for every Secret
//	env-rule         a rule for the value:
//
//	range=MIN..MAX   for numbers, durations and Bytes; MAX may be left out
//	oneof=a b c      for strings and the items of lists, in any case; the value becomes the spelling
//	                 in the tag
//
// In production no [Secret] may be a placeholder such as changeme, a URL or DSN with such a password,
// or shorter than 16 characters. Rules that tags cannot express are in the Validate method of the
// struct, see [Validator].
//
// # Types
//
// Fields are booleans (also yes, no, on, off), strings, decimal integers, floats, durations ("30s",
// a bare number is seconds), [Bytes] ("1MiB"), lists of strings ([]string) separated by commas, and
// pointers to those, which are nil if there is no value.
//
// # Lifting it out
//
// Copy this folder and internal/platform/errors, internal/platform/logging,
// internal/platform/env/dotenv, internal/platform/env/spelling and internal/platform/env/strength. It
// imports cleanenv, and keyvault, which may be left out, the Azure SDK; its tests import testify,
// rapid and goleak.
package config
