package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"slips-ips/detection"
)

// Detections gives a page of episodes, the one with the newest detection first.
// What was counted in the last seconds is not yet among them. An episode that
// goes on while pages are read may come again or be missed.
func (s *Store) Detections(ctx context.Context, q DetectionQuery) (EpisodePage, error) {
	limit := pageLimit(q.Limit)
	page := EpisodePage{Episodes: []Episode{}}
	err := s.read(ctx, "detections", func(ctx context.Context, tx *sql.Tx) error {
		var w where
		if err := w.detections(ctx, tx, q); err != nil {
			return err
		}
		found, next, err := selectEpisodes(ctx, tx, &w, limit)
		page.Episodes, page.Next = append(page.Episodes, found...), next
		return err
	})
	if err != nil {
		return EpisodePage{}, err
	}
	return page, nil
}

func (w *where) detections(ctx context.Context, tx *sql.Tx, q DetectionQuery) error {
	if q.After != "" {
		var last, seq int64
		if n, err := fmt.Sscanf(q.After, "%d-%d", &last, &seq); n != 2 || err != nil {
			return fmt.Errorf("%w: after: %.100q; use the \"next\" of the page before", ErrQuery, q.After)
		}
		w.add("(last, seq) < (?, ?)", last, seq)
	}
	if !q.Since.IsZero() {
		w.add("last >= ?", micros(q.Since))
	}
	if !q.Until.IsZero() {
		w.add("first < ?", micros(q.Until))
	}
	if q.Tuple != "" {
		w.add("tuple = ?", q.Tuple)
	}
	if err := w.host("detections", q.Host, false); err != nil {
		return err
	}
	return w.label(ctx, tx, q.Label)
}

func selectEpisodes(ctx context.Context, tx *sql.Tx, w *where, limit int) (found []Episode, next string, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT d.seq, d.tuple, d.label, d.scorer, d.first, d.last, d.count, d.score, b.body
		FROM (SELECT * FROM detections`+w.String()+` ORDER BY last DESC, seq DESC LIMIT ?) d
		LEFT JOIN detection_bodies b ON b.seq = d.seq ORDER BY d.last DESC, d.seq DESC`, append(w.args, limit+1)...)
	if err != nil {
		return nil, "", err
	}
	defer rows.Close()
	var seq, first, last int64
	for rows.Next() {
		if len(found) == limit {
			return found, fmt.Sprintf("%d-%d", last, seq), nil
		}
		var e Episode
		var score sql.NullFloat64
		var body []byte
		if err := rows.Scan(&seq, &e.Tuple, &e.Label, &e.Scorer, &first, &last, &e.Count, &score, &body); err != nil {
			return nil, "", err
		}
		e.First, e.Last, e.Score = time.UnixMicro(first).UTC(), time.UnixMicro(last).UTC(), score.Float64
		var d detection.Detection
		if json.Unmarshal(body, &d) == nil {
			e.Newest = &d
		}
		found = append(found, e)
	}
	return found, "", rows.Err()
}
