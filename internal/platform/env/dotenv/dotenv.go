package dotenv

// Entry is one NAME=value of a file.
type Entry struct {
	Key      string
	Value    string // without quotes and escapes
	HasValue bool   // false for a name without =
	Export   bool   // whether "export" came first
	Quote    byte   // ', " or 0 for a bare value
	Line     int    // where the name begins, from 1
	Column   int    // in characters, from 1
}

// Options changes what [Parse] does. The zero value leaves ${NAME} in values alone.
type Options struct {
	// Expand turns on the replacement of ${NAME} and is asked first for each name; the entries above in the file come
	// second. A name that neither knows is replaced by its default, or by nothing.
	Expand func(name string) (value string, ok bool)
}

// Parse reads the entries of a file in their order. The error, where there is one, is an [Errors] with every line that
// could not be read; the entries are then those of the other lines. Parse is safe for concurrent use if Expand is.
func Parse(src []byte, o Options) ([]Entry, error) {
	text, bad := decode(src)
	if bad != nil {
		return nil, Errors{bad}
	}
	var (
		entries []Entry
		errs    Errors
		s       = scanner{src: text, line: 1}
	)
	for s.skipBlank(); !s.done(); s.skipBlank() {
		entry, err := s.entry()
		if err != nil {
			errs = append(errs, err)
			s.skipLine()
			continue
		}
		if entry.Key != "" {
			entries = append(entries, entry)
		}
	}
	if o.Expand != nil {
		expand(entries, o.Expand)
	}
	if errs != nil {
		return entries, errs
	}
	return entries, nil
}
