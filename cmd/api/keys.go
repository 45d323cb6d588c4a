package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

// What keys generate calls its files.
const (
	privateKeyFile = "jwt-private.pem"
	publicKeyFile  = "jwt-public.pem"
)

func (p *program) keysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Make the keys that sign access tokens",
		Args:  noArgs,
		RunE:  needsSubcommand,
	}
	var alg, dir string
	generate := &cobra.Command{
		Use:   "generate --out DIR",
		Short: "Write a new key pair as " + privateKeyFile + " (mode 0600) and " + publicKeyFile,
		Long: "Write a new key pair in PEM. The private one goes into AUTH_JWT_PRIVATE_KEY, or its path into\n" +
			"AUTH_JWT_PRIVATE_KEY_FILE. The public one goes into AUTH_JWT_PUBLIC_KEYS of every replica before the key signs, and\n" +
			"again from when it signs no longer until its last token has ended. Nothing is overwritten.",
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error { return p.generateKeys(alg, dir) },
	}
	generate.Flags().StringVar(&alg, "alg", string(auth.RS256), "RS256, RS384, RS512, ES256, ES384, ES512 or EdDSA")
	generate.Flags().StringVar(&dir, "out", "", "the directory to write to, made with mode 0700 where it is missing")
	cmd.AddCommand(generate)
	return cmd
}

func (p *program) generateKeys(algorithm, dir string) error {
	alg, err := auth.ParseAlgorithm(algorithm)
	if err != nil {
		return usageError{fmt.Errorf("--alg: %w", err)}
	}
	if dir == "" {
		return usageError{errors.Sentinel("--out is required: the directory to write the keys to")}
	}
	key, err := auth.GenerateKey(alg)
	if err != nil {
		return fmt.Errorf("generate a key: %w", err)
	}
	id, err := auth.Thumbprint(key.Public())
	if err != nil {
		return err
	}
	private, err := auth.MarshalPrivateKey(key)
	if err != nil {
		return err
	}
	public, err := auth.MarshalPublicKey(key.Public())
	if err != nil {
		return err
	}
	privatePath, publicPath := filepath.Join(dir, privateKeyFile), filepath.Join(dir, publicKeyFile)
	if err := writeKeys(privatePath, private, publicPath, public); err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "private %s\npublic  %s\nkid     %s\n", privatePath, publicPath, id)
	return err
}

// writeKeys writes both files or none.
func writeKeys(privatePath string, private []byte, publicPath string, public []byte) error {
	if err := os.MkdirAll(filepath.Dir(privatePath), 0o700); err != nil {
		return fmt.Errorf("make the directory for the keys: %w", err)
	}
	if err := writeNew(privatePath, private, 0o600); err != nil {
		return err
	}
	if err := writeNew(publicPath, public, 0o644); err != nil {
		return errors.Join(err, os.Remove(privatePath))
	}
	return nil
}

// writeNew writes a file that must not be there yet, and leaves none that is half written.
func writeNew(path string, content []byte, mode os.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode) //nolint:gosec // the user says where to
	if err != nil {
		return fmt.Errorf("write a key: %w", err)
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(fmt.Errorf("write a key: %w", err), os.Remove(path))
	}
	return nil
}
