//go:build manpages

// The command that writes the manual pages is in no program that is installed: it
// and its library are for the build of the package.

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"

	slipsips "slips-ips"
)

func init() { extraCommands = append(extraCommands, newManpages) }

func newManpages(streams) *cobra.Command {
	return &cobra.Command{
		Use:    "manpages DIR",
		Short:  "Write a manual page for each command, and slips.toml(5), into a folder",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			root.InitDefaultCompletionCmd()
			forMarkdown(root, make(map[*pflag.Flag]bool))
			made, err := pageDate()
			if err != nil {
				return err
			}
			header := doc.GenManHeader{Section: "1", Date: &made, Source: "slips-ips " + version, Manual: "slips-ips"}
			if err := doc.GenManTree(root, &header, args[0]); err != nil {
				return fmt.Errorf("writing manual pages into %s: %w", args[0], err)
			}
			return os.WriteFile(filepath.Join(args[0], "slips.toml.5"), []byte(tomlPage(made.Format("Jan 2006"))), 0o644)
		},
	}
}

// pageDate is the time that the pages show: that of the package's changelog, so that
// two builds are alike.
func pageDate() (time.Time, error) {
	epoch := os.Getenv("SOURCE_DATE_EPOCH")
	if epoch == "" {
		return time.Now().UTC(), nil
	}
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("reading SOURCE_DATE_EPOCH: %w", err)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// forMarkdown makes the texts of cmd and of all below it say in Markdown, which
// cobra takes them for, what they say on a terminal.
func forMarkdown(cmd *cobra.Command, done map[*pflag.Flag]bool) {
	cmd.DisableAutoGenTag = true
	cmd.Long = markdown(cmd.Long)
	cmd.Short = escape(cmd.Short)
	for _, flags := range []*pflag.FlagSet{cmd.Flags(), cmd.PersistentFlags()} {
		flags.VisitAll(func(f *pflag.Flag) {
			if !done[f] { // commands share those of the one above them
				done[f] = true
				f.Usage = placeholder.ReplaceAllString(escape(f.Usage), "*$1*")
			}
		})
	}
	for _, c := range cmd.Commands() {
		forMarkdown(c, done)
	}
}

var special = regexp.MustCompile("[*_<>\\[\\]`\\\\]")

// placeholder is what a flag's text names its value, once escaped.
var placeholder = regexp.MustCompile("\\\\`([^`\\\\]+)\\\\`")

func escape(s string) string { return special.ReplaceAllString(s, `\$0`) }

// markdown escapes what is running text, and keeps indented lines as they are.
func markdown(text string) string {
	var b strings.Builder
	verbatim := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		indented := strings.HasPrefix(line, "  ")
		if indented != verbatim && line != "" {
			b.WriteString("\n")
			verbatim = indented
		}
		if indented {
			b.WriteString("    " + strings.TrimPrefix(line, "  ") + "\n")
		} else {
			b.WriteString(escape(line) + "\n")
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// tomlPage is slips.toml with its comments, as a manual page.
func tomlPage(date string) string {
	r := strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`)
	var b strings.Builder
	fmt.Fprintf(&b, ".TH \"SLIPS.TOML\" \"5\" \"%s\" \"slips\\-ips %s\" \"slips\\-ips\"\n", date, r.Replace(version))
	b.WriteString(".SH NAME\nslips.toml \\- configuration of slips\\-ips\n.SH SYNOPSIS\n/etc/slips\\-ips/slips.toml\n.SH DESCRIPTION\n" +
		"Every key with its default, unit and range, in TOML. A key that is left out has its default; one that is unknown is an error. " +
		"\\fBslips\\-ips config check\\fP names mistakes with their line, and \\fBslips\\-ips reload\\fP puts a changed file in force.\n.SH KEYS\n.nf\n")
	for line := range strings.Lines(string(slipsips.DefaultConfig)) {
		line = r.Replace(strings.TrimRight(line, "\n"))
		if strings.HasPrefix(line, ".") {
			line = `\&` + line
		}
		b.WriteString(line + "\n")
	}
	b.WriteString(".fi\n.SH SEE ALSO\nslips\\-ips(1), slips\\-ips\\-run(1), slips\\-ips\\-config\\-check(1)\n")
	return b.String()
}
