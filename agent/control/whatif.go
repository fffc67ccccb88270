package control

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"slips-ips/agent/whatif"
)

// WhatIfRequest asks what another policy would have done.
type WhatIfRequest struct {
	// Config is the text of a slips.toml. Only [policy] and [protect] of it count.
	Config string `json:"config"`
	// Since and Until bound the time; zero: WhatIfDays before Until, and now.
	Since time.Time `json:"since,omitzero"`
	Until time.Time `json:"until,omitzero"`
}

// WhatIfDays is how far a WhatIfRequest without Since looks back.
const WhatIfDays = 7

// WhatIfResult is what the policy in force and the other one would have done.
type WhatIfResult = whatif.Report

// Mistake is one thing that is wrong in the text of a configuration.
type Mistake struct {
	Line int    `json:"line"` // from 1; 0 where the key is not in the text
	Key  string `json:"key"`
	What string `json:"what"` // what is wrong and what is allowed
}

// ConfigError says all that is wrong in the text of a configuration. It is an
// ErrInvalid.
type ConfigError struct{ Mistakes []Mistake }

// Error lists the mistakes, one a line.
func (e *ConfigError) Error() string {
	lines := []string{"the configuration is wrong"}
	for _, m := range e.Mistakes {
		line := m.What
		if m.Key != "" {
			line = m.Key + ": " + line
		}
		lines = append(lines, fmt.Sprintf("line %d: %s", m.Line, line))
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives ErrInvalid.
func (e *ConfigError) Unwrap() error { return ErrInvalid }

func (s *Server) whatIf(w http.ResponseWriter, r *http.Request) error {
	var q WhatIfRequest
	if err := readBody(r, &q); err != nil {
		return err
	}
	if !q.Until.IsZero() && !q.Since.IsZero() && !q.Since.Before(q.Until) {
		return fmt.Errorf("%w: since %s is not before until %s", ErrInvalid, q.Since.Format(time.RFC3339), q.Until.Format(time.RFC3339))
	}
	ctx, stop := s.within(r)
	defer stop()
	result, err := s.backend.WhatIf(ctx, q)
	if err != nil {
		return err
	}
	result.Differences, result.Unknown = orEmpty(result.Differences), orEmpty(result.Unknown)
	result.Now.Blocked, result.Other.Blocked = orEmpty(result.Now.Blocked), orEmpty(result.Other.Blocked)
	return s.writeJSON(w, http.StatusOK, presentable(result))
}
