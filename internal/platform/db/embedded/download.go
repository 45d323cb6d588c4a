package embedded

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/xi2/xz"

	"github.com/netrun-systems/go-service-template/internal/platform/errors"
)

const (
	downloadTimeout = 5 * time.Minute // of about 10 MB
	answerTimeout   = 20 * time.Second
)

// versions are the versions that can be downloaded, by major version. Zero is for new data.
var versions = map[int]string{0: "17.5.0", 15: "15.13.0", 16: "16.9.0", 17: "17.5.0", 18: "18.3.0"}

// repository is Maven Central, where the project zonkyio/embedded-postgres-binaries publishes
// servers.
var repository = "https://repo1.maven.org/maven2"

// Download returns server binaries of a recent version from the user's cache, or downloads them
// first. It honors HTTPS_PROXY. Concurrent downloads, by other processes too, do not disturb each
// other.
func Download(ctx context.Context) (Binaries, error) { return downloadVersion(ctx, versions[0]) }

func downloadVersion(ctx context.Context, version string) (Binaries, error) {
	dir, err := cacheDir(ctx)
	if err != nil {
		return Binaries{}, err
	}
	return download(ctx, repository, dir, version)
}

// cacheDir returns a directory that the user of the server can reach.
func cacheDir(ctx context.Context) (string, error) {
	runAs, err := accountFor("")
	if err != nil {
		return "", err
	}
	if base, err := os.UserCacheDir(); err == nil {
		if dir, err := makeDir(ctx, filepath.Join(base, "embedded-postgres"), runAs); err == nil {
			return dir, nil
		}
	}
	return makeTempDir(ctx, "cache", runAs) // a user without a home
}

func download(ctx context.Context, repository, dir, version string) (Binaries, error) {
	ctx, cancel := context.WithTimeout(ctx, downloadTimeout)
	defer cancel()
	target := filepath.Join(dir, "postgresql-"+version)
	if b, err := Inspect(ctx, filepath.Join(target, "bin")); err == nil {
		return b, nil
	}
	if err := fetch(ctx, dir, target, archiveURL(repository, version)); err != nil {
		return Binaries{}, fmt.Errorf("download PostgreSQL %s: %w", version, err)
	}
	return Inspect(ctx, filepath.Join(target, "bin"))
}

// archiveURL returns the URL of a server for this machine, in the names of the repository.
func archiveURL(repository, version string) string {
	arch := runtime.GOARCH
	switch arch {
	case "arm64":
		arch = "arm64v8"
	case "arm":
		arch = "arm32v7"
	}
	if _, err := os.Stat("/etc/alpine-release"); err == nil {
		arch += "-alpine"
	}
	name := "embedded-postgres-binaries-" + runtime.GOOS + "-" + arch
	return fmt.Sprintf("%s/io/zonky/test/postgres/%s/%s/%s-%s.jar", repository, name, version, name, version)
}

// fetch downloads an archive, compares its checksum with the one that the repository has, if any,
// and unpacks it next to the target. It renames at last, so the target is complete or missing.
func fetch(ctx context.Context, dir, target, url string) (err error) {
	archive, _, err := get(ctx, url)
	if err != nil {
		return err
	}
	checksum, status, err := get(ctx, url+".sha256")
	if err != nil && status != http.StatusNotFound {
		return err
	}
	sum := sha256.Sum256(archive)
	if err == nil && strings.TrimSpace(string(checksum)) != hex.EncodeToString(sum[:]) {
		return fmt.Errorf("%s does not match its SHA-256 checksum", url)
	}
	work, err := os.MkdirTemp(dir, "unpack-")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	unpacked := filepath.Join(work, "postgresql")
	if err := unpack(archive, unpacked); err != nil {
		return fmt.Errorf("unpack the archive: %w", err)
	}
	err = os.Rename(unpacked, target)
	if errors.Is(err, os.ErrExist) {
		if _, err := Inspect(ctx, filepath.Join(target, "bin")); err == nil {
			return nil // another download has just made it
		}
		if err := os.RemoveAll(target); err != nil {
			return fmt.Errorf("remove unusable binaries: %w", err)
		}
		err = os.Rename(unpacked, target)
	}
	if err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("move the binaries into place: %w", err)
	}
	return nil
}

// get returns the body at url, with an error for any status but 200.
func get(ctx context.Context, url string) (body []byte, status int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, 0, fmt.Errorf("make a request: %w", err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:errcheck // its type is documented
	transport.ResponseHeaderTimeout = answerTimeout
	transport.DisableKeepAlives = true // no connection stays open after the download
	response, err := transport.RoundTrip(request)
	if err != nil {
		return nil, 0, fmt.Errorf("ask %s: %w", request.URL.Host, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, response.StatusCode, fmt.Errorf("the repository answered %s for %s", response.Status, url)
	}
	body, err = io.ReadAll(response.Body)
	return body, response.StatusCode, err
}

// unpack extracts a server from its archive, a compressed tar file in a zip file, to a new
// directory. os.Root refuses names that lead out of the directory.
func unpack(archive []byte, to string) error {
	jar, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return err
	}
	names, err := fs.Glob(jar, "*.txz")
	if err != nil || len(names) == 0 {
		return errors.Sentinel("there is no server in it")
	}
	compressed, err := jar.Open(names[0])
	if err != nil {
		return err
	}
	defer compressed.Close() //nolint:errcheck // nothing is lost
	plain, err := xz.NewReader(compressed, 0)
	if err != nil {
		return err
	}
	if err := os.Mkdir(to, 0o755); err != nil { //nolint:gosec // the user of the server passes it
		return err
	}
	root, err := os.OpenRoot(to)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // nothing is lost
	files := tar.NewReader(plain)
	for {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = extract(root, files, header)
		}
		if err != nil {
			return err
		}
	}
}

func extract(root *os.Root, r io.Reader, header *tar.Header) error {
	name := filepath.Clean(header.Name)
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	switch header.Typeflag {
	case tar.TypeDir:
		return root.MkdirAll(name, 0o755)
	case tar.TypeSymlink:
		return root.Symlink(header.Linkname, name)
	case tar.TypeReg:
		file, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, header.FileInfo().Mode().Perm())
		if err != nil {
			return err
		}
		_, err = io.Copy(file, r)
		return errors.Join(err, file.Close())
	}
	return nil
}
