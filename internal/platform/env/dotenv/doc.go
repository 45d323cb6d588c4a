// Package dotenv reads dotenv files in the dialect of python-dotenv.
//
// A line is NAME=value, with an optional "export" before it. A name may be in single quotes. A value is bare, in single
// quotes or in double quotes; quoted values may span lines. A # begins a comment at the start of a line, after a closing
// quote, and after white space in a bare value. A name without = is an entry without a value, which is not the same as
// an empty one. Lines end with LF, CRLF or CR; a line break inside quotes is always read as LF. A byte order mark is
// skipped. Of two entries of one name the later one counts, but [Parse] returns both.
//
// In single quotes \\ and \' are escapes; in double quotes also \" \a \b \f \n \r \t \v. Any other backslash stays.
//
// With [Options.Expand], ${NAME} and ${NAME:-default} are replaced in bare and in double-quoted values. Two things differ
// from python-dotenv, and agree with the shell instead: single quotes keep a value as it is, and the default also stands
// in for an empty variable.
//
//	entries, err := dotenv.Parse(content, dotenv.Options{Expand: os.LookupEnv})
//
// All problems of a file are found in one run. Each has a line, a column and a rule, and none repeats the text of the
// file, so that they may be logged.
//
// # Lifting it out
//
// Copy the folder. It imports nothing but the standard library.
package dotenv
