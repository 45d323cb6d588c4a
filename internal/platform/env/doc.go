// Package env checks dotenv files before deployment: their variables against a schema or against
// the configuration of a service, the safety of their secrets, and their form. A finding has a
// file, a line and a column, but never a value.
//
//	file, err := env.ReadFile(".env.production")
//	schema, err := env.ReadSchema("schema.json")
//	result := env.Validator{Level: env.Production, Schema: schema}.Validate(ctx, file)
//	for _, finding := range result.Findings {
//		fmt.Println(finding)
//	}
//
// Package config loads the settings of a running program from all sources and rejects invalid ones.
// This package checks one file on a developer's machine or in continuous integration, and finds
// what config cannot see: duplicate variables, typing errors, files that other users can read. Both
// use package dotenv to parse files and package strength to judge secrets.
//
// # Rules
//
// Errors of syntax have the rules of package dotenv, and unquoted_lines: the lines after a value
// without quotes seem to continue it. References are reported as reference (a form that is not
// supported) and unset_reference. Warnings about the form of a file are duplicate_key, bad_name,
// bad_character, leading_digit, lowercase_name, no_value, space_around, comment_as_value,
// invisible_character, trailing_space, no_final_newline, mixed_line_ends and empty_file.
//
// Names that nobody would choose may be part of a secret: findings omit them, and a [Diff] has the
// line instead.
//
// A [Schema] gives each variable a type and rules: required, type, range, min_length, max_length,
// pattern, allowed_values and protocols are errors; unknown is a warning. The types are string,
// integer, float, boolean (true, false, yes, no, on, off, 1, 0), url, secret, email, path and
// duration (30s, or a number of seconds). [Infer] makes a schema from a file.
//
// The severity of the security rules depends on the [Level] that the file is meant for:
//
//	                                                     development  staging  production
//	placeholder, short_secret, weak_secret               warning      error    error
//	short_key (random: another service may have made it) -            warning  warning
//	plain_http (localhost and items of lists too)        -            error    error
//	plain_proxy (http:// in HTTP_PROXY)                  -            warning  warning
//	insecure_sslmode, debug_on, wildcard_origin          -            warning  error
//	file_mode (others can read a file with secrets)      warning      warning  error
//	forbidden_algorithm (of a variable …JWT_ALGORITHM)   error        error    error
//
// A variable is secret if a word of its name says so, or the schema, unless its value is a boolean,
// a small number, a duration or the like. In a URL or DSN the password is secret. A Diff and an
// inferred schema hide more: values of names that end in KEY, SALT, PW and similar words, and values
// that look generated. Of these, only placeholders are reported.
//
// # Lifting it out
//
// Copy this folder, internal/platform/errors and internal/platform/logging. It imports
// go-json-experiment/json; its tests import testify, goleak and godotenv.
package env
