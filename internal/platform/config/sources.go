package config

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/netrun-systems/go-service-template/internal/platform/env/dotenv"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// Sources of a [Setting]. The others are "file PATH", and the path of the dotenv file with a line,
// such as ".env line 3".
const (
	SourceEnvironment = "environment"
	SourceSecretStore = "secret store"
	SourceDefault     = "default"
	SourceUnset       = "unset"
)

// The variables that decide what else is read.
const (
	variableEnvironment = "APP_ENVIRONMENT"
	variableEnvFile     = "ENV_FILE"
	fileSuffix          = "_FILE"
	defaultEnvFile      = ".env"
)

// text is what a source holds for a variable.
type text struct {
	value, source string
	ok            bool   // false if no source has the variable, or the source cannot be read
	reference     string // what is wrong with a reference in the value
}

// environment parses the text of APP_ENVIRONMENT. It returns "" for an unknown one, and
// [Development] if none is set.
func (t text) environment() Environment {
	if !t.ok {
		return Development
	}
	return parseEnvironment(t.value)
}

func parseEnvironment(name string) Environment {
	all := []Environment{Development, Staging, Production, Testing}
	i := slices.IndexFunc(all, func(e Environment) bool { return strings.EqualFold(string(e), strings.TrimSpace(name)) })
	if i < 0 {
		return ""
	}
	return all[i]
}

// layer is a place where variables are set: the process environment or the dotenv file.
type layer func(name string) text

// sources finds the texts of variables and adds what cannot be read to problems.
type sources struct {
	layers   []layer      // in order of precedence
	names    []Suggestion // the variables of the dotenv file with their lines
	readFile func(path string) ([]byte, error)
	secrets  SecretStore
	problems *problems
}

func newSources(o Options, found *problems) *sources {
	s := &sources{readFile: o.ReadFile, secrets: o.Secrets, problems: found}
	if o.Lookup == nil {
		o.Lookup = os.LookupEnv
	}
	if s.readFile == nil {
		s.readFile = dotenv.ReadFile
	}
	s.layers = []layer{func(name string) text {
		value, ok := o.Lookup(name)
		return text{value: value, source: SourceEnvironment, ok: ok}
	}}
	if file := s.dotenv(o); file != nil {
		s.layers = append(s.layers, file)
	}
	return s
}

// dotenv returns the layer of the dotenv file, nil if none is read. The process environment is not
// changed.
//
// A .env that ENV_FILE does not name is for developers and is read in development and testing only.
// It may set APP_ENVIRONMENT if the process environment does not, but not to staging or production:
// the service would start with a developer's settings, or, without the file, in development
// although it is meant for production.
func (s *sources) dotenv(o Options) layer {
	path, _ := o.Lookup(variableEnvFile)
	named := path != ""
	inherited, _ := o.Lookup(variableEnvironment)
	if !named {
		path = filepath.Join(o.Dir, defaultEnvFile)
		if inherited != "" && !parseEnvironment(inherited).readsDotenv() {
			return nil
		}
	}
	content, err := s.readFile(path)
	if err != nil {
		if named || !errors.Is(err, fs.ErrNotExist) {
			s.problems.unread(Problem{variableEnvFile, "file", "the dotenv file " + reason(err), ""})
		}
		return nil
	}
	file := s.parseDotenv(path, content, o.Lookup)
	if own := file(variableEnvironment); !named && inherited == "" {
		if e := parseEnvironment(own.value); e != "" && !e.readsDotenv() {
			s.problems.unread(Problem{variableEnvironment, "source", "must be set in the process environment, " +
				"since .env is for development and testing (or name the file in ENV_FILE)", own.source})
		}
	}
	return file
}

// readsDotenv reports whether .env is read without being named in ENV_FILE.
func (e Environment) readsDotenv() bool { return e == Development || e == Testing }

func (s *sources) parseDotenv(path string, content []byte, lookup func(string) (string, bool)) layer {
	entries, errs := dotenv.Parse(content, lookup)
	for _, e := range errs {
		source := fmt.Sprintf("%s line %d, column %d", path, e.Line, e.Column)
		s.problems.unread(Problem{variableEnvFile, e.Rule, e.Message, source})
	}
	last := make(map[string]dotenv.Entry, len(entries))
	for _, e := range entries {
		last[e.Key] = e
		s.names = append(s.names, Suggestion{Variable: e.Key, Source: fmt.Sprintf("%s line %d", path, e.Line)})
	}
	return func(name string) text {
		e, ok := last[name]
		t := text{value: e.Value, source: fmt.Sprintf("%s line %d", path, e.Line), ok: ok && e.HasValue}
		switch {
		case e.Foreign:
			t.reference = "has a reference in a form other than ${NAME} and ${NAME:-default}" + literally
		case e.Unset != "":
			t.reference = "refers to a variable that is not set; write ${NAME:-} if it may be empty" + literally
		}
		return t
	}
}

const literally = " (single quotes keep ${ as it is)"

// secretsTimeout bounds the time for all secrets together, so that a start does not hang on a dead
// store.
const secretsTimeout = 15 * time.Second

// read returns the text of each field, and that of APP_ENVIRONMENT.
func (s *sources) read(ctx context.Context, fields []*field) map[string]text {
	texts := make(map[string]text, len(fields)+1)
	var missing []*field
	texts[variableEnvironment] = s.find(&field{name: variableEnvironment, typ: reflect.TypeFor[Environment]()})
	for _, f := range fields {
		if f.name != variableEnvironment {
			texts[f.name] = s.find(f)
		}
		if texts[f.name].source == "" && f.secret() {
			missing = append(missing, f)
		}
	}
	if s.secrets != nil {
		ctx, cancel := context.WithTimeout(ctx, secretsTimeout)
		defer cancel()
		answers := make([]answer, len(missing))
		var all sync.WaitGroup
		for i, f := range missing {
			all.Go(func() {
				a := &answers[i]
				a.value, a.found, a.err = s.secrets.Secret(ctx, f.name)
			})
		}
		all.Wait()
		for i, a := range answers {
			f := missing[i]
			switch {
			case a.err != nil:
				message := "cannot be read from the secret store: " + a.reason()
				s.problems.unread(Problem{f.name, "secret_store", message, SourceSecretStore})
				texts[f.name] = text{source: SourceSecretStore}
			case a.found && f.counts(a.value):
				texts[f.name] = text{value: a.value, source: SourceSecretStore, ok: true}
			}
		}
	}
	for _, f := range fields {
		switch {
		case texts[f.name].source != "":
		case f.standard != "":
			texts[f.name] = text{value: f.standard, source: SourceDefault, ok: true}
		default:
			texts[f.name] = text{source: SourceUnset}
		}
	}
	return texts
}

// find returns the text of a variable from the first layer that has it or names its file. The
// source is "" if none does.
func (s *sources) find(f *field) text {
	for _, in := range s.layers {
		t := in(f.name)
		if t.reference == "" && t.ok && f.counts(t.value) {
			return t
		}
		if t.reference == "" && f.inFile() {
			path := in(f.name + fileSuffix)
			if path.reference == "" && path.value != "" {
				return s.fromFile(f, path.value)
			}
			t.reference, t.source = path.reference, path.source
		}
		if t.reference != "" {
			s.problems.unread(Problem{f.name, "reference", t.reference, t.source})
			return text{source: t.source}
		}
	}
	return text{}
}

// fromFile reads a value from the file that NAME_FILE names. No message has the path, which might
// be a secret by mistake.
func (s *sources) fromFile(f *field, path string) text {
	source := "file " + path
	content, err := s.readFile(path)
	value := strings.TrimRight(strings.TrimPrefix(string(content), "\ufeff"), "\r\n") // an editor's mark and line end
	trimmed := strings.TrimFunc(value, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsGraphic(r) })
	var wrong string
	switch {
	case err != nil:
		wrong, source = reason(err), f.name+fileSuffix
	case !utf8.ValidString(value):
		wrong = "is not UTF-8 text; save it as UTF-8"
	case value == "":
		wrong = "is empty"
	case trimmed != value:
		wrong = "begins or ends with white space or an invisible character"
	default:
		return text{value: value, source: source, ok: true}
	}
	s.problems.unread(Problem{f.name, "file", "the file named by " + f.name + fileSuffix + " " + wrong, source})
	return text{source: source}
}

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

// answer is what the secret store returned for a variable.
type answer struct {
	value string
	found bool
	err   error
}

// reason returns the error of the store on one line, without the value and without anything that
// looks like a secret.
func (a answer) reason() string {
	const limit = 300
	message := a.err.Error()
	if a.value != "" {
		message = strings.ReplaceAll(message, a.value, Secret(a.value).String())
	}
	runes := []rune(strings.Join(strings.Fields(logging.Redact(message)), " "))
	if len(runes) > limit {
		return string(runes[:limit]) + "…"
	}
	return string(runes)
}
