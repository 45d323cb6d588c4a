package main

import (
	"context"
	"crypto"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/netrun-systems/go-service-template/internal/app"
	"github.com/netrun-systems/go-service-template/internal/platform/auth"
	"github.com/netrun-systems/go-service-template/internal/platform/config"
	"github.com/netrun-systems/go-service-template/internal/platform/errors"
	"github.com/netrun-systems/go-service-template/internal/platform/logging"
)

// The files that keys generate writes.
const (
	privateKeyFile = "jwt-private.pem"
	publicKeyFile  = "jwt-public.pem"
)

func (p *program) keysCommand() *cobra.Command {
	var alg, dir string
	generate := command("generate --out DIR",
		"Write a new key pair to "+privateKeyFile+" (mode 0600) and "+publicKeyFile,
		func(context.Context) error { return p.generateKeys(alg, dir) })
	generate.Long = "Write a new key pair in PEM. Existing files are not overwritten.\n\n" +
		"Set AUTH_JWT_PRIVATE_KEY to the private key, or AUTH_JWT_PRIVATE_KEY_FILE to its path. To replace a\n" +
		"key, add the new public key to AUTH_JWT_PUBLIC_KEYS of every replica before the new key signs, and keep\n" +
		"the old public key there until the last token of the old key has expired."
	generate.Flags().StringVar(&alg, "alg", string(auth.RS256), "`ALGORITHM`: RS256/384/512, ES256/384/512 or EdDSA")
	generate.Flags().StringVar(&dir, "out", "", "`DIR` to write to, created with mode 0700 if missing")
	return group("keys", "Generate the keys that sign access tokens", generate)
}

func (p *program) generateKeys(algorithm, dir string) error {
	alg, err := auth.ParseAlgorithm(algorithm)
	if err != nil {
		return usage("--alg: %w", err)
	}
	if dir == "" {
		return usage("--out is required: name the directory to write the keys to")
	}
	key, private, err := newKey(alg)
	if err != nil {
		return err
	}
	public, err := auth.MarshalPublicKey(key.Public())
	if err != nil {
		return err
	}
	id, err := auth.Thumbprint(key.Public())
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	privatePath, publicPath := filepath.Join(dir, privateKeyFile), filepath.Join(dir, publicKeyFile)
	if err = writeFile(privatePath, private, 0o600); err == nil {
		if err = writeFile(publicPath, public, 0o644); err != nil {
			err = errors.Join(err, os.Remove(privatePath)) // half a pair is of no use
		}
	}
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%w (keys are not overwritten: remove it, or choose another directory)", err)
	} else if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "private %s\npublic  %s\nkid     %s\n", privatePath, publicPath, id)
	return err
}

func newKey(alg auth.Algorithm) (crypto.Signer, []byte, error) {
	key, err := auth.GenerateKey(alg)
	if err != nil {
		return nil, nil, err
	}
	text, err := auth.MarshalPrivateKey(key)
	return key, text, err
}

// dataDir returns the directory that contains the database and the signing key of a development
// machine. Deleting it resets both. It is in the root of the module, so that a start in a
// subdirectory uses the same one; outside of a module it is in the working directory.
func dataDir() string {
	const name = ".data"
	here, err := os.Getwd()
	if err != nil {
		return name
	}
	for dir := here; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil && dir != here {
			return filepath.Join(dir, name)
		} else if err == nil {
			break
		}
	}
	return name
}

// provideSigningKey generates a signing key if the configuration has none, which is valid in
// development and testing only. In development it keeps the key in a file, so that tokens stay
// valid after a restart.
func provideSigningKey(ctx context.Context, cfg *app.Config) error {
	if !cfg.Auth.PrivateKey.IsZero() {
		return nil
	}
	alg, err := auth.ParseAlgorithm(cfg.Auth.Algorithm)
	if err != nil {
		return err
	}
	path := filepath.Join(dataDir(), "signing-key-"+string(alg)+".pem")
	if cfg.IsDevelopment() {
		kept, err := os.ReadFile(path) //nolint:gosec // a fixed path
		if err == nil {
			if _, err := auth.ParsePrivateKey(kept); err != nil {
				return fmt.Errorf("development signing key %s: %w (delete the file to get a new key)", path, err)
			}
			cfg.Auth.PrivateKey = config.Secret(kept)
			return nil
		}
		if errors.Is(err, os.ErrPermission) {
			return fmt.Errorf(
				"development signing key: %w: it belongs to another user (run as that user, or delete %s)",
				err, dataDir())
		}
	}
	_, text, err := newKey(alg)
	if err != nil {
		return err
	}
	cfg.Auth.PrivateKey = config.Secret(text)
	if !cfg.IsDevelopment() {
		return nil
	}
	// The embedded database in this directory may run as another user, who must be able to enter
	// it.
	err = os.MkdirAll(dataDir(), 0o755) //nolint:gosec // see above
	if err = errors.Join(err, writeFile(path, text, 0o600)); err != nil {
		log.Warn(ctx, "signing_key_not_kept", logging.Err(err))
	}
	return nil
}

// writeFile is [os.WriteFile] for a new file. It fails with [fs.ErrExist] if there is a file, and removes
// what it could not complete.
func writeFile(path string, content []byte, mode os.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode) //nolint:gosec // the user chooses the path
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Chmod(mode), f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}
