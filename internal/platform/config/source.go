package config

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// The sources that a [Setting] may name. The others are "file " and a path, and the name of the dotenv file and a line.
const (
	SourceEnvironment = "environment"
	SourceSecretStore = "secret store"
	SourceDefault     = "default"
	SourceDerived     = "derived" // set by a Validate from other settings
	SourceUnset       = "unset"
)

const fileSuffix = "_FILE"

// layer is one place where variables are set: the process environment, then the dotenv file.
type layer func(name string) (value, source string, ok bool)

// sources finds the text of a variable.
type sources struct {
	layers     []layer
	readFile   func(path string) ([]byte, error)
	secrets    SecretStore
	stored     map[string]storedSecret // what the store has answered
	names      []Suggestion            // the variables of the dotenv file, with where they are
	production bool                    // the rules of production hold
	problems   *Problems
}

// find returns the text of a variable and where it is from: the first layer that has it, the secret store, the default.
// It reports false where there is none, or none that can be used, which it has noted as a problem then.
func (s *sources) find(f *field) (text, source string, ok bool) {
	for _, in := range s.layers {
		if value, from, set := in(f.name); set && f.counts(value) {
			return value, from, true
		}
		if path := f.path(in); path != "" {
			return s.fromFile(f, path)
		}
	}
	if value, found, err := s.fromStore(f); err != nil || found {
		return value, SourceSecretStore, err == nil
	}
	if f.hasStandard && f.counts(f.standard) {
		return f.standard, SourceDefault, true
	}
	return "", SourceUnset, false
}

// path returns the file that NAME_FILE names in this layer, or "".
func (f *field) path(in layer) string {
	if !f.inFile() {
		return ""
	}
	path, _, _ := in(f.name + fileSuffix)
	return path
}

// fromFile reads a secret from a file. The messages do not hold the path: somebody may have put the secret itself there.
func (s *sources) fromFile(f *field, path string) (text, source string, ok bool) {
	content, err := s.readFile(path)
	if err != nil {
		s.problems.fail(Problem{f.name, "file", "the file that " + f.name + fileSuffix + " names " + reason(err), ""})
		return "", f.name + fileSuffix, false
	}
	source = "file " + path
	text = strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r")
	if text == "" {
		s.problems.fail(Problem{f.name, "file", "the file that " + f.name + fileSuffix + " names is empty", source})
	}
	return text, source, text != ""
}

const maxFile = 1 << 20 // bytes of a file that holds a value, or values

// readRegular is os.ReadFile for regular files of a sensible size. It opens them without blocking, since to open a pipe that
// nobody writes to would wait for ever, and trusts no size that it is told, as a file may grow.
func readRegular(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) //nolint:gosec // the operator's choice
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errNotRegular}
	}
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(content) > maxFile {
		err = &fs.PathError{Op: "read", Path: path, Err: errTooLarge}
	}
	return content, err
}

var (
	errNotRegular = errors.Sentinel("it is not a regular file")
	errTooLarge   = errors.Sentinel("it is larger than 1 MiB")
)

// reason says why a file could not be read, without its path.
func reason(err error) string {
	if errors.Is(err, fs.ErrNotExist) {
		return "does not exist"
	}
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Sprintf("cannot be read: %v", pathError.Err)
	}
	return "cannot be read"
}
