package bundle

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxUnpacked is what an archive may become when it is decompressed, tar's own
// headers and padding included.
const maxUnpacked = MaxFiles + MaxManifest + 4<<20

// Read reads a bundle from a .tar.gz. The manifest comes first, then its
// signature, so that no more than these is unpacked of what nobody trusted has
// made; then the models. Anything else (folders, links, other names) is refused.
func Read(r io.Reader, keys []Key) (Bundle, error) {
	in := bufio.NewReader(r)
	gz, err := gzip.NewReader(in)
	if err != nil {
		return Bundle{}, fmt.Errorf("it is no .tar.gz: %w", cut(err))
	}
	gz.Multistream(false)
	unpacked := &capped{r: gz, left: maxUnpacked}
	b, err := readTar(tar.NewReader(unpacked), keys)
	if err != nil {
		return Bundle{}, err
	}
	// To the end, where gzip has its checksum.
	if _, err := io.Copy(io.Discard, unpacked); err != nil {
		return Bundle{}, fmt.Errorf("after the models: %w", cut(err))
	}
	if _, err := in.ReadByte(); !errors.Is(err, io.EOF) {
		return Bundle{}, errors.New("there is something after the end of the archive")
	}
	return b, nil
}

func readTar(t *tar.Reader, keys []Key) (Bundle, error) {
	manifest, err := readFirst(t, manifestName, MaxManifest)
	if err != nil {
		return Bundle{}, err
	}
	signature, err := readFirst(t, signatureName, maxKeyFile)
	if err != nil {
		return Bundle{}, err
	}
	b, err := open(manifest, signature, keys)
	if err != nil {
		return Bundle{}, err
	}
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Bundle{}, cut(err)
		}
		name, ok := strings.CutPrefix(h.Name, modelsFolder+"/")
		if !ok || h.Typeflag != tar.TypeReg || !modelName(name) {
			return Bundle{}, fmt.Errorf("%.100q is neither the manifest nor a model", h.Name)
		}
		data, err := readEntry(t, h, b.sizeOf(name))
		if err != nil {
			return Bundle{}, err
		}
		if err := b.put(name, data); err != nil {
			return Bundle{}, err
		}
	}
	return b, b.complete()
}

// sizeOf is the size of a file as the manifest has it, 0 for one that it has not.
func (b *Bundle) sizeOf(name string) int64 {
	for _, f := range b.Manifest.Files {
		if f.Name == name {
			return f.Size
		}
	}
	return 0
}

// readFirst reads the next entry, which must have this name.
func readFirst(t *tar.Reader, name string, most int64) ([]byte, error) {
	h, err := t.Next()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s is missing", name)
	}
	if err != nil {
		return nil, cut(err)
	}
	if h.Name != name || h.Typeflag != tar.TypeReg {
		return nil, fmt.Errorf("%.100q is where %s must be; slips-ips models sign makes bundles", h.Name, name)
	}
	return readEntry(t, h, most)
}

func readEntry(t *tar.Reader, h *tar.Header, most int64) ([]byte, error) {
	if h.Size > most {
		return nil, fmt.Errorf("%.100q has %d bytes, at most %d are allowed", h.Name, h.Size, most)
	}
	data, err := io.ReadAll(t)
	if err != nil {
		return nil, fmt.Errorf("reading %.100q: %w", h.Name, cut(err))
	}
	return data, nil
}

// cut says in our words that the input ended too early.
func cut(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return fmt.Errorf("it is cut off: %w", io.ErrUnexpectedEOF)
	}
	return err
}

// capped fails where more is read than is allowed.
type capped struct {
	r    io.Reader
	left int64
}

var errUnpacked = fmt.Errorf("unpacked it is larger than %d MiB, which no bundle is", maxUnpacked>>20)

func (c *capped) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errUnpacked
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}
