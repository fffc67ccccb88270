// Command screenshots makes the pictures of README.md: it visits the page of the agent
// whose control socket SLIPS_SOCKET names, as an admin does over ssh -L.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"slips-ips/agent/control"
	"slips-ips/internal/browser"
)

func main() {
	dir := flag.String("dir", "docs/images", "where the pictures go")
	flag.Parse()
	if err := run(context.Background(), os.Getenv("SLIPS_SOCKET"), *dir); err != nil {
		fmt.Fprintln(os.Stderr, "making pictures:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, socket, dir string) error {
	c, err := control.Dial(socket)
	if err != nil {
		return err
	}
	defer c.Close()
	blocks, err := c.Blocks(ctx, control.BlockQuery{Limit: 1})
	if err != nil {
		return err
	}
	if len(blocks.Blocks) == 0 {
		return fmt.Errorf("the agent at %s blocks nothing", socket)
	}
	at, err := browser.Tunnel(ctx, func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	b, err := browser.Start(ctx, 1100, 760)
	if err != nil {
		return err
	}
	defer b.Close()
	tuple := blocks.Blocks[0].Tuple.String()
	for _, p := range []struct {
		name, path, scheme string
		width, height      int
	}{
		{"web-overview.png", "/ui/", "light", 1180, 640},
		{"web-tuple.png", "/ui/tuple?tuple=" + tuple, "dark", 1240, 1010},
	} {
		if err := errors.Join(b.Scheme(p.scheme), b.Size(p.width, p.height)); err != nil {
			return err
		}
		if err := b.Open("http://" + at + p.path); err != nil {
			return err
		}
		path := filepath.Join(dir, p.name)
		if err := b.Shoot(path, false); err != nil {
			return err
		}
		fmt.Println("\n    made", path)
	}
	return nil
}
