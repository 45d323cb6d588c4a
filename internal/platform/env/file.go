package env

import (
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/netrun-systems/go-service-template/internal/platform/env/dotenv"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

const maxFile = 1 << 20 // bytes

// File is a dotenv file that has been read.
type File struct {
	Path    string
	Entries []dotenv.Entry // in their order; of several with one name the last counts
	Mode    fs.FileMode    // zero where it is not known

	src    string
	syntax dotenv.Errors
	last   map[string]int // by name
}

// ReadFile reads a file. The error is that of a file that cannot be read; what is wrong with its text is found by
// [Validator.Validate]. Only regular files of up to 1 MiB are read.
func ReadFile(path string) (*File, error) {
	content, mode, err := readRegular(path)
	if err != nil {
		return nil, fmt.Errorf("read the dotenv file: %w", err)
	}
	f := Parse(path, content)
	f.Mode = mode
	return f, nil
}

// readRegular looks before it reads: to open a pipe that nobody writes to would wait for ever.
func readRegular(path string) ([]byte, fs.FileMode, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, 0, fmt.Errorf("%s must be a regular file of at most 1 MiB", path)
	}
	content, err := os.ReadFile(path) //nolint:gosec // the caller's choice
	return content, info.Mode(), err
}

// Parse is [ReadFile] for text that is there already. Values that refer to others, as in ${HOST}, are put together from the
// file alone.
func Parse(path string, content []byte) *File {
	f := &File{Path: path, src: string(content), last: map[string]int{}}
	var err error
	f.Entries, err = dotenv.Parse(content, dotenv.Options{Expand: func(string) (string, bool) { return "", false }})
	if all, ok := errors.AsType[dotenv.Errors](err); ok {
		f.syntax = all
	}
	for i, e := range f.Entries {
		f.last[e.Key] = i
	}
	return f
}

// Text returns the text of the file as it was read.
func (f *File) Text() string { return f.src }

// Err returns a [dotenv.Errors] with the lines that could not be read, which [File.Entries] lacks; nil where there are none.
func (f *File) Err() error {
	if len(f.syntax) == 0 {
		return nil
	}
	return f.syntax
}

// holdsSecret reports whether a value holds that of a sensitive name, as one does that refers to it: postgres://u:${DB_PASSWORD}@h.
func (f *File) holdsSecret(value string) bool {
	const least = 4 // what is shorter is in everything
	for e := range f.effective {
		if len(e.Value) >= least && logging.Sensitive(e.Key) && strings.Contains(value, e.Value) {
			return true
		}
	}
	return false
}

// Lookup returns the value of a variable, and whether the file has one.
func (f *File) Lookup(name string) (string, bool) {
	e, ok := f.entry(name)
	return e.Value, ok && e.HasValue
}

// Names returns the names of the variables, in the order of the file.
func (f *File) Names() []string {
	names := make([]string, 0, len(f.last))
	for e := range f.effective {
		names = append(names, e.Key)
	}
	return names
}

// entry returns the entry of a variable that counts.
func (f *File) entry(name string) (dotenv.Entry, bool) {
	i, ok := f.last[name]
	if !ok {
		return dotenv.Entry{}, false
	}
	return f.Entries[i], true
}

// effective yields the entries that count, in the order of the file.
func (f *File) effective(yield func(dotenv.Entry) bool) {
	for i, e := range f.Entries {
		if f.last[e.Key] == i && !yield(e) {
			return
		}
	}
}

// at returns a finding about an entry.
func (f *File) at(e dotenv.Entry, rule string, s Severity, message string) Finding {
	return Finding{File: f.Path, Line: e.Line, Column: e.Column, Variable: printable(e.Key), Rule: rule, Severity: s, Message: message}
}

// about returns a finding about a variable, at its entry where there is one.
func (f *File) about(name, rule string, s Severity, message string) Finding {
	e, ok := f.entry(name)
	if !ok {
		e = dotenv.Entry{Key: name}
	}
	return f.at(e, rule, s, message)
}

// printable keeps a name that is none from showing text of the file: a line without = may be anything.
func printable(name string) string {
	const most = 100
	if len(name) > most {
		return ""
	}
	for i := range len(name) {
		if !isNameByte(name[i]) {
			return ""
		}
	}
	return name
}

func isNameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '.' || c == '-'
}
