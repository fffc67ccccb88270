package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"slips-ips/agent"
	"slips-ips/agent/htmlreport"
	"slips-ips/agent/report"
	"slips-ips/argusfeed"
	"slips-ips/policy"
)

// replayFlags are those of replay alone.
type replayFlags struct {
	config, trace, policy       string
	report                      string
	history                     historyFlags
	tuples                      report.Tuples
	fields, records             string
	asJSON, fail, quiet, labels bool
	printFlows, raFaults        bool
	verbosity                   int
}

func newReplay(std streams) *cobra.Command {
	var detect detectFlags
	var opt replayFlags
	cmd := &cobra.Command{
		Use:   "replay FILE... | replay --history --policy FILE",
		Short: "Run stored flows through the pipeline: what would have happened",
		Long: `Replay reads stored flows through the same pipeline as the agent, on the flows'
own clock, and reports what was detected and what the policy would have done.
It never touches the kernel. Files are what ra prints, binetflow with a header
line, or Argus streams, plain or compressed with gzip; - is standard input.
The records that an Argus stream has of one flow are joined, --records single
leaves them; a line of text is a flow.

With --policy it also tells what another slips.toml would have done differently.
With --history both policies are asked about the matches that the agent's history
has, instead of flows: what each would have blocked, when and for how long. It reads
the file and may be used while the agent runs; docs/policy.md says what a history
cannot tell, and so does the output.

The exit status is 3 where a malicious behaviour was found and
--fail-on-detection is given.

With --print-flows it detects nothing and prints each record as ra does with our
ra.conf (ra -X -F ra.conf -n -Z b -r FILE), management rows and the single status
records of a long flow among them; of text, the flows. Durations are exact, where
ra's have noise in the sixth decimal from 16 seconds on: --ra-faults prints its
noise too, for comparing line by line. The columns that --fields can name:
` + strings.Join(argusfeed.RaFieldNames(), " ") + `.`,
		Example: `  slips-ips replay capture.binetflow.gz
  slips-ips replay --json -m models day1.argus day2.argus
  slips-ips replay -c slips.toml --policy stricter.toml capture.binetflow
  slips-ips replay --report day.html day.argus.gz
  slips-ips replay --policy stricter.toml --history --since 3d
  slips-ips replay --print-flows --fields "stime saddr daddr dport" day.argus.gz`,
		Args: func(cmd *cobra.Command, args []string) error { return opt.history.check(cmd, args, opt.policy) },
		RunE: func(cmd *cobra.Command, args []string) error {
			if opt.report != "" && (opt.history.on || opt.printFlows) {
				return usagef("--report is for flows that are detected on: leave out --history and --print-flows")
			}
			if opt.report == "-" {
				return usagef("--report takes the name of a file: standard output has what the replay prints")
			}
			if opt.history.on {
				return replayHistory(cmd, std, &opt)
			}
			if err := checkPrintFlags(cmd.Flags(), opt.printFlows); err != nil {
				return err
			}
			if opt.printFlows {
				return printFlows(cmd.Context(), args, std, &opt, cmd.Flags().Changed("fields"))
			}
			return replay(cmd, args, std, &detect, &opt)
		},
	}
	fs := cmd.Flags()
	detect.register(fs)
	fs.StringVarP(&opt.config, "config", "c", "", "read this slips.toml `FILE`: detection, policy and protect apply")
	fs.StringVar(&opt.policy, "policy", "", "also say what the policy of this other slips.toml `FILE` would decide differently; its detection is not used")
	opt.history.register(fs)
	fs.StringVar(&opt.trace, "trace", "", "write one JSON line for each line of input to `FILE`; - is standard output")
	fs.StringVar(&opt.report, "report", "", "also write the report as one self-contained page of HTML, with pictures, to `FILE`")
	fs.Var(&opt.tuples, "tuples", "tuples to print at the end of each time window: all, detected or none (default none)")
	fs.BoolVar(&opt.labels, "labels", false, "compare with the label column of the input")
	fs.BoolVar(&opt.printFlows, "print-flows", false, "detect nothing: print each record as ra does")
	fs.StringVar(&opt.records, "records", agent.RecordsJoined, "what becomes of the records of an Argus stream: joined, those of a flow are one flow; single, each is a flow")
	fs.StringVar(&opt.fields, "fields", "", "the `COLUMNS` of --print-flows, as ra's -s has them (default: the thirteen of our ra.conf)")
	fs.BoolVar(&opt.raFaults, "ra-faults", false, "print durations in single precision as ra does, so that lines can be compared with its own")
	fs.BoolVar(&opt.asJSON, "json", false, "print the report as JSON")
	fs.BoolVar(&opt.fail, "fail-on-detection", false, "exit with 3 where something malicious was found")
	fs.BoolVarP(&opt.quiet, "quiet", "q", false, "no progress")
	fs.IntVarP(&opt.verbosity, "verbose", "v", 1, "verbosity `N`: 2 and more for debugging")
	return cmd
}

func replay(cmd *cobra.Command, files []string, std streams, detect *detectFlags, opt *replayFlags) error {
	if opt.asJSON && opt.trace == "-" {
		return usagef("--json and --trace - both want standard output: give the trace a file")
	}
	if opt.records != agent.RecordsJoined && opt.records != agent.RecordsSingle {
		return usagef("--records %s: use %s or %s", opt.records, agent.RecordsJoined, agent.RecordsSingle)
	}
	c := agent.DefaultConfig()
	if opt.config != "" {
		loaded, err := agent.LoadConfig(opt.config)
		if err != nil {
			return &usageError{err}
		}
		c = loaded
	}
	c.Report.Tuples = report.TuplesNone
	if err := detect.apply(&c); err != nil {
		return err
	}
	if c.Agent.Mode == agent.ModeEnforce {
		c.Agent.Mode = agent.ModeDryRun
	}
	if !detect.dont {
		c.Report.Tuples = report.TuplesNone
	}
	if opt.tuples != "" {
		c.Report.Tuples = opt.tuples
	}
	r := agent.ReplayOptions{
		Config: c, Files: files, Labels: opt.labels, Evidence: opt.report != "",
		Joining: argusfeed.Joining{Off: opt.records == agent.RecordsSingle},
		Log:     newLogger(std.err, opt.verbosity), Colour: colourWanted(std.out),
	}
	if opt.policy != "" {
		other, err := agent.LoadConfig(opt.policy)
		if err != nil {
			return &usageError{err}
		}
		r.Other = &other
	}
	// What a program reads on standard output must be one thing.
	people := std.out
	if opt.trace == "-" || opt.asJSON {
		people = std.err
	}
	r.Out = people
	finish, err := openTrace(std, opt.trace, &r)
	if err != nil {
		return err
	}
	var page *wholeFile
	if opt.report != "" {
		if page, err = newWholeFile(opt.report); err != nil {
			return err
		}
		defer page.drop()
	}
	if !opt.quiet {
		r.Progress = newProgress(std.err)
	}
	result, err := agent.Replay(cmd.Context(), r)
	if err := finish(); err != nil {
		return fmt.Errorf("writing the trace: %w", err)
	}
	if result == nil {
		return err
	}
	// What was read of broken input is reported all the same.
	show := printReplay
	if opt.asJSON {
		people, show = std.out, func(w io.Writer, r *agent.ReplayReport) error { return writeJSON(w, r) }
	}
	showErr := show(people, result)
	if page != nil {
		about := htmlreport.About{Version: version, Files: files, Config: opt.config, Other: opt.policy, Made: time.Now()}
		showErr = errors.Join(showErr, page.write(func(w io.Writer) error { return htmlreport.Write(w, result, about) }))
	}
	switch {
	case err != nil || showErr != nil:
		return errors.Join(err, showErr)
	case result.Flows == 0 && result.BadLines > 0:
		return fmt.Errorf("the input has no flow: all its %d lines were skipped", result.BadLines)
	case opt.fail && len(result.Detections) > 0:
		return errDetected
	}
	return nil
}

// openTrace gives the replay a writer for its trace and what ends it.
func openTrace(std streams, path string, r *agent.ReplayOptions) (finish func() error, err error) {
	switch path {
	case "":
		return func() error { return nil }, nil
	case "-":
		w := bufio.NewWriterSize(std.out, 1<<16)
		r.Trace = w
		return w.Flush, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("opening the trace: %w", err)
	}
	w := bufio.NewWriterSize(f, 1<<16)
	r.Trace = w
	return func() error {
		if err := w.Flush(); err != nil {
			f.Close()
			return err
		}
		return f.Close()
	}, nil
}

// newProgress shows how far a replay is: a bar on a terminal, elsewhere a line
// now and then for long replays.
func newProgress(w io.Writer) func(agent.Progress) {
	if !isTerminal(w) {
		last := time.Now()
		return func(p agent.Progress) {
			if time.Since(last) < 5*time.Second {
				return
			}
			last = time.Now()
			percent := ""
			if p.Size > 0 {
				percent = fmt.Sprintf(" %d %%,", 100*p.Read/p.Size)
			}
			fmt.Fprintf(w, "%s:%s %d flows\n", p.File, percent, p.Flows)
		}
	}
	var bar *progressbar.ProgressBar
	var file string
	return func(p agent.Progress) {
		if bar == nil || file != p.File {
			file = p.File
			bar = progressbar.NewOptions64(p.Size, progressbar.OptionSetWriter(w), progressbar.OptionShowBytes(true),
				progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond))
		}
		bar.Describe(fmt.Sprintf("%s: %d flows", p.File, p.Flows))
		_ = bar.Set64(p.Read) // what cannot be shown does not matter
		if p.Read >= p.Size && p.Size > 0 {
			_ = bar.Finish()
		}
	}
}

// printReplay prints the report for people.
func printReplay(w io.Writer, r *agent.ReplayReport) error {
	fmt.Fprintf(w, "%d flows, %d tuples, in %.2f s: %.0f flows per second\n", r.Flows, r.Tuples, r.Seconds, r.FlowsPerSecond)
	if j := r.Joined; j != (argusfeed.JoinStats{}) {
		fmt.Fprintf(w, "joined records: %d pieces of a flow that went on, %d behind the end of their connection; %d flows given out too early\n",
			j.Merged, j.Strays, j.Forced)
	}
	printCounts(w, "skipped lines", r.Skipped)
	printCounts(w, "dropped flows", r.Dropped)
	if r.Interrupted {
		fmt.Fprintln(w, "interrupted: this is what was read until then")
	}
	if len(r.Detections) == 0 {
		fmt.Fprintln(w, "nothing malicious was detected")
	} else {
		fmt.Fprintf(w, "\n%d tuples detected:\n", len(r.Detections))
		t := newTable("tuple", "label", "matches", "score", "first", "flows until then", "letters")
		for _, d := range r.Detections {
			t.AppendRow(table.Row{report.Plain(d.Tuple.String()), d.Label, d.Count, fmt.Sprintf("%.3f", d.Score), d.First.String(), d.FlowsToFirst, shorten(d.Letters, 32)})
		}
		fmt.Fprintln(w, t.Render())
	}
	blocks := 0
	for _, d := range r.Decisions {
		if d.Action == policy.ActionBlock {
			blocks++
		}
	}
	if len(r.Decisions) > 0 {
		fmt.Fprintf(w, "\nthe policy would have decided (%d blocks; %d repeats are left out):\n", blocks, r.Repeats)
		for _, d := range r.Decisions {
			what := strings.ToUpper(string(d.Action))
			if d.Action == policy.ActionBlock {
				what += " for " + d.Duration.String()
			}
			fmt.Fprintf(w, "%s  %s  %s\n    %s\n", d.Time, what, report.Plain(d.Tuple.String()), d.Reason)
		}
	}
	printDifferences(w, r.Differences, argusfeed.Time.String)
	if l := r.Labels; l != nil {
		fmt.Fprintf(w, "\nby the labels, tuples of ten flows or more: malicious %d, detected %d, blocked %d; benign %d, detected %d, blocked %d; unlabelled %d\n",
			l.Malicious, l.MaliciousDetected, l.MaliciousBlocked, l.Benign, l.BenignDetected, l.BenignBlocked, l.Unlabelled)
	}
	return nil
}

func printCounts(w io.Writer, what string, counts map[string]uint64) {
	if len(counts) > 0 {
		fmt.Fprintf(w, "%s: %s\n", what, strings.TrimSuffix(strings.TrimPrefix(fmt.Sprint(counts), "map["), "]"))
	}
}

func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return "..." + s[len(s)-n:]
}
