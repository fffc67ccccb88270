package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"

	"slips-ips/policy"
)

// where collects the conditions of a query.
type where struct {
	conditions []string
	args       []any
}

func (w *where) add(condition string, args ...any) {
	w.conditions = append(w.conditions, condition)
	w.args = append(w.args, args...)
}

// String gives the clause; empty where there is no condition.
func (w *where) String() string {
	if len(w.conditions) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.conditions, " AND ")
}

// host asks for an end in an address or network. An address has an index, of
// table; a network does not, the rows are walked.
func (w *where) host(table, host string, indexed bool) error {
	if host == "" {
		return nil
	}
	low, high, err := hostRange(host)
	if err != nil {
		return err
	}
	if indexed && string(low) == string(high) {
		w.add("seq IN (SELECT seq FROM "+table+" WHERE src = ? UNION SELECT seq FROM "+table+" WHERE dst = ?)", low, low)
		return nil
	}
	w.add("(src BETWEEN ? AND ? OR dst BETWEEN ? AND ?)", low, high, low, high)
	return nil
}

// label asks for labels that fit a pattern. There are few of them, and each is
// compared once.
func (w *where) label(ctx context.Context, tx *sql.Tx, pattern string) error {
	if pattern == "" {
		return nil
	}
	var glob policy.Glob
	if err := glob.UnmarshalText([]byte(pattern)); err != nil {
		return fmt.Errorf("%w: label: %w", ErrQuery, err)
	}
	rows, err := tx.QueryContext(ctx, "SELECT label FROM labels")
	if err != nil {
		return err
	}
	defer rows.Close()
	var fit []string
	for rows.Next() {
		var label string
		if err := rows.Scan(&label); err != nil {
			return err
		}
		if glob.Matches(label) {
			fit = append(fit, label)
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if len(fit) == 0 {
		w.add("0") // without a walk over all rows
		return nil
	}
	list, err := json.Marshal(fit)
	if err != nil {
		return err
	}
	w.add("label IN (SELECT value FROM json_each(?))", string(list))
	return nil
}
