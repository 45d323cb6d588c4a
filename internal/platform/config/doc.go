// Package config reads the settings of a program into tagged structs and reports everything that is wrong with them at
// once, each problem with its variable and its rule, never with the value.
//
//	type Config struct {
//		config.Base
//		PoolSize int           `env:"DB_POOL_SIZE" env-default:"20" env-rule:"range=1..100" env-description:"connections kept open"`
//		Timeout  time.Duration `env:"DB_POOL_TIMEOUT" env-default:"30s"`
//		URL      config.Secret `env:"DATABASE_URL"`
//	}
//
//	func (c *Config) Validate(p *config.Problems) {
//		if c.IsProduction() && c.URL.IsZero() {
//			p.Add("DATABASE_URL", "required", "is required in production")
//		}
//	}
//
//	c, provenance, err := config.Load[Config](ctx, config.Options{})
//
// A program puts the Config of each of its packages into one struct and loads that. Two fields may name one variable if
// they agree in type, default and rules.
//
// # Sources
//
// The first that has a value wins: the process environment; for a [Secret], the file that NAME_FILE names; the dotenv
// file, which is .env in development and testing or the file that ENV_FILE names, and never touches the process
// environment; for a [Secret], a [SecretStore]; the default. Within the dotenv file NAME_FILE works as well, and
// comes after NAME there, too. A variable that is set but empty counts as unset, unless its field says
// env-empty:"allow". Variables that no field names are ignored.
//
// APP_ENVIRONMENT decides whether .env is read, and has to come from the process environment for that; where it is not
// set there, .env is read, and may say testing, but not staging or production. It is better that a start fails than that
// a service meant for production runs with the settings of a developer.
//
// A file that NAME_FILE or ENV_FILE names is a regular one of 1 MiB at most. The secret store is asked for eight secrets at a
// time, and for all of them within 15 s.
//
// A variable that is set but that no field names, and that looks like a misspelt one, is in [Provenance.Suggestions], and in
// the [Error] where something else is wrong.
//
// # Reloading
//
// A [Store] reads each type once, hands the same value to everybody who asks for it with [Get], and reads all of them again
// with [Store.Reload], as [Watch] does on SIGHUP. New values take effect at once and together, or, where anything is wrong, not
// at all. Only fields with env-live:"true" change; the others keep their values, and are named. Types that share a variable
// have the same value of it at any time. A value that was handed out is never written to: who has one, has the configuration
// as it was then.
//
//	store := config.NewStore(config.Options{})
//	cfg, err := config.Get[Config](ctx, store)
//	store.Subscribe(func(ctx context.Context, c config.Change) {
//		if c.Has("LOG_LEVEL") { … }
//	})
//
// # Tags
//
//	env              the name of the variable, exactly one
//	env-default      the value where no source has one
//	env-description  for people, see Describe
//	env-separator    between the items of a list or map; a comma by default
//	env-layout       the layout of a time.Time
//	env-prefix       on a nested struct: put before the names in it
//	env-empty        "allow": an empty variable is an empty value
//	env-live         "true": a reload takes a change over
//	env-file         "allow": NAME_FILE may name a file that holds the value, as it may for every Secret
//	env-rule         rules separated by commas:
//
//	required         some source has a value
//	range=MIN..MAX   for numbers, durations and Bytes; either end may be left out
//	oneof=a b c      in any case; the value becomes the spelling of the tag
//	url              a URL with scheme and host; url=https wss names the schemes
//	addr             host:port, the host may be empty
//	minlen=N         at least N characters
//	strong           in production: at least 32 characters, evenly mixed, not a placeholder (see env/strength)
//
// The rules on text hold for each item of a list. In production no [Secret] is a placeholder such as changeme, nor is the password
// of one that is a URL or a DSN; no tag is needed for that.
//
// # Values
//
// Fields are of any type that cleanenv reads: strings, booleans (also yes, no, on, off), decimal whole numbers, floats,
// durations ("30s", a bare number is seconds), time.Time, url.URL, *time.Location, lists, maps ("a:1,b:2"), and types
// with UnmarshalText or SetValue; and pointers to those, nil where there is no value. The items of lists are trimmed and
// empty ones dropped.
//
// # Validators
//
// Every struct with a method Validate(*[Problems]) checks itself after all values are read, an inner struct before the
// one around it, also where some values were refused: their fields then hold the default, and complaints about them are
// dropped as follow-ups.
//
// # Lifting it out
//
// Copy the folder together with env/dotenv, env/spelling, env/strength, logging (for [Secret], redaction and the events) and
// errors. It imports cleanenv besides. The subfolder keyvault is a secret store, and goes along only if it is wanted.
package config
