package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/netrun-systems/go-service-template/internal/platform/env"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

func (p *program) envSchemaCommand() *cobra.Command {
	var from, out string
	var overwrite bool
	cmd := &cobra.Command{
		Use:   "schema --from FILE --out FILE",
		Short: "Write a schema that a dotenv file fulfils, to go over by hand; nothing of a secret is in it",
		Args:  noArgs,
		RunE:  func(*cobra.Command, []string) error { return p.inferSchema(from, out, overwrite) },
	}
	cmd.Flags().StringVar(&from, "from", "", "the dotenv file")
	cmd.Flags().StringVar(&out, "out", "", "the file to write")
	cmd.Flags().BoolVar(&overwrite, "overwrite", false, "replace the file where it exists")
	return cmd
}

func (p *program) inferSchema(from, out string, overwrite bool) error {
	file, err := readWhole("--from", from)
	if err != nil {
		return err
	}
	if out == "" {
		return usageError{errors.Sentinel("--out is required: the file to write the schema to")}
	}
	if sameFile(from, out) {
		return usageError{errors.Sentinel("--out must not be the file of --from")}
	}
	var text bytes.Buffer
	schema := env.Infer(file)
	if err := schema.Write(&text); err != nil {
		return err
	}
	if err := writeWhole(out, text.Bytes(), overwrite); err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "%s: %d variables\n", out, len(schema.Variables))
	return err
}

func sameFile(a, b string) bool {
	first, err1 := os.Stat(a)
	second, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(first, second)
}

// writeWhole writes a file so that it is there with all of its text, or as it was.
func writeWhole(path string, text []byte, overwrite bool) (err error) {
	temporary, err := os.CreateTemp(filepath.Dir(path), ".schema-*")
	if err != nil {
		return fmt.Errorf("write the schema: %w", err)
	}
	defer func() { err = errors.Join(err, removeIfThere(temporary.Name())) }()
	_, err = temporary.Write(text)
	const mode = 0o644
	if err := errors.Join(err, temporary.Chmod(mode), temporary.Close()); err != nil {
		return fmt.Errorf("write the schema: %w", err)
	}
	if overwrite {
		err = os.Rename(temporary.Name(), path)
	} else if err = os.Link(temporary.Name(), path); errors.Is(err, fs.ErrExist) { // whoever made it
		return fmt.Errorf("write the schema: %s exists: see --overwrite", path)
	}
	if err != nil {
		return fmt.Errorf("write the schema: %w", err)
	}
	return nil
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
