package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"slips-ips/agent/control"
	"slips-ips/agent/history"
	"slips-ips/agent/report"
	"slips-ips/agent/report/metrics"
	"slips-ips/agent/systemd"
	"slips-ips/agent/web"
)

// doors are what others ask the agent through.
type doors struct {
	listener *control.Listener // nil: no control socket
	server   *control.Server
	exporter *metrics.Exporter // nil: no metrics
	pages    *web.Server       // nil: no page on loopback
	notifier *systemd.Notifier
}

// openDoors makes the control socket and prepares the metrics, so that what is
// in the way is known before the first flow. A place that may not be written is
// no reason to protect nobody: the agent goes without the socket.
func (a *Agent) openDoors() error {
	a.doors.notifier = systemd.NewNotifier(a.log)
	c := a.cfg.Agent
	pages, err := web.NewPages(guestBook{operator{a}}, a.log)
	if err != nil {
		return err
	}
	if a.cfg.Web.Enabled() {
		a.doors.pages = web.NewServer(a.cfg.Web, pages, a.log)
		if err := a.doors.pages.Listen(); err != nil {
			return err
		}
	}
	if c.Socket != "" {
		l, err := control.Listen(c.Socket, a.group(c.Group), a.group(c.AdminGroup))
		switch {
		case errors.Is(err, control.ErrInUse):
			return fmt.Errorf("%w: stop that agent, or give this one another socket ([agent] socket, --socket)", err)
		case errors.Is(err, fs.ErrPermission):
			a.log.Warn("there is no control socket: status, block and the like will not work", "error", err)
		case err != nil:
			return err
		default:
			a.doors.listener = l
			a.doors.server = control.NewServer(guestBook{operator{a}}, control.Options{Version: a.opt.Version, Log: a.log, Page: pages.Serve})
		}
	}
	if !a.cfg.Metrics.Enabled() {
		return nil
	}
	if a.doors.exporter, err = metrics.New(a.cfg.Metrics, a.Status, a.log); err != nil {
		return err
	}
	return a.doors.exporter.Listen()
}

// group gives a group that this machine has, or none.
func (a *Agent) group(name string) string {
	if err := control.CheckGroup(name); err != nil {
		log := a.log.Warn
		if name == DefaultGroup {
			log = a.log.Debug // nobody asked for it
		}
		log("only root may use the control socket", "error", err)
		return ""
	}
	return name
}

// serve answers others until ctx ends.
func (a *Agent) serve(ctx context.Context, all *sync.WaitGroup) {
	if a.doors.server != nil {
		all.Go(func() {
			if err := a.doors.server.Serve(ctx, a.doors.listener); err != nil && ctx.Err() == nil {
				a.log.Error("the control socket answers no more", "error", err)
			}
		})
	}
	if a.doors.pages != nil {
		all.Go(func() {
			if err := a.doors.pages.Serve(ctx); err != nil && ctx.Err() == nil {
				a.log.Error("the web page is not served any more", "error", err)
			}
		})
	}
	if a.doors.exporter != nil {
		all.Go(func() {
			if err := a.doors.exporter.Serve(ctx); err != nil && ctx.Err() == nil {
				a.log.Error("metrics are not served any more", "error", err)
			}
		})
	}
	if a.reports != nil {
		all.Go(func() { a.tellStats(ctx) })
	}
	all.Go(func() { a.doors.notifier.Watch(ctx, a.progress) })
	all.Go(func() { a.doors.notifier.Report(ctx, a.Status) })
	a.doors.notifier.Ready()
}

// tellStats has the reports tell how the agent is, as often as they want to.
func (a *Agent) tellStats(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			if every := a.reports.StatsEvery(); every > 0 && now.Sub(last) >= every {
				last = now
				a.reports.Stats(a.Status())
			}
		}
	}
}

// progress goes through the stages as a flow does and comes back when each has
// had its turn: what it waits for is what flows wait for. Its error names the
// stage that is stuck.
func (a *Agent) progress(ctx context.Context) error {
	stages := []calls{a.detecting.calls}
	if a.decider != nil {
		stages = append(stages, a.deciding)
	}
	for _, stage := range stages {
		err := stage.do(ctx, func() {})
		if errors.Is(err, errStopping) {
			return nil // it has done its work
		}
		if err != nil {
			return err
		}
	}
	if a.enforcer == nil || a.enforcer.DryRun() {
		return nil
	}
	if late := time.Since(a.enforcer.Health().Checked); late > stageStuck+a.cfg.Enforce.CheckEvery {
		return fmt.Errorf("the blocks in the kernel were not looked at for %s", late.Round(time.Second))
	}
	return nil
}

// openReports makes the ways out that are configured.
func (a *Agent) openReports() error {
	state := ""
	if a.kept.spool != "" {
		state = a.cfg.Agent.State
	}
	r, err := report.New(a.cfg.Report, report.Options{
		Log: a.log, State: state, Version: a.opt.Version, Source: a.sourceName, Bell: a.opt.Bell,
	})
	if err != nil {
		return fmt.Errorf("preparing reports: %w", err)
	}
	a.reports = r
	a.events.to = append(a.events.to, r.Event)
	if h := a.kept.history; h != nil {
		a.events.to = append([]func(history.Event){h.Record}, a.events.to...)
	}
	return nil
}

// sourceName tells reports which feed a flow came from.
func (a *Agent) sourceName(n uint16) (url, iface string) {
	if int(n) >= len(a.sources) {
		return "", ""
	}
	url = a.sources[n].String()
	return url, ifaceOf(url)
}
