package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/test/pgserver"
	"github.com/stretchr/testify/require"
)

// asker is a store that answers questions.
type asker struct {
	name string
	// can says whether the store is asked the question.
	can func(*question) bool
	// ask returns how many records match. It skips a benchmark whose store is not installed.
	ask answer
}

type answer func(b *testing.B, q *question, sample *record.Record) (found int)

// whenAsked returns an answer by a store that is started for the first question, because it takes
// minutes and a benchmark's name may leave it out.
func whenAsked(start func() (answer, error)) answer {
	started := sync.OnceValues(start)
	return func(b *testing.B, q *question, sample *record.Record) (found int) {
		b.Helper()
		ask, err := started()
		if err != nil {
			b.Skip("NOT COMPARED:", err)
		}
		return ask(b, q, sample)
	}
}

// addressOf returns a text that few records have.
func addressOf(r *record.Record) string { return r.Metadata[0].Value.AsString() }

// The table of PostgreSQL: the columns that are searched, and the record as text.
const schema = `
CREATE TABLE records (
	id uuid NOT NULL, time bigint NOT NULL, actor_type text NOT NULL, actor_id text NOT NULL, action text NOT NULL,
	target_type text NOT NULL, target_id text NOT NULL, tenant text NOT NULL, trace_id text NOT NULL, record text NOT NULL
)`

var indexes = []string{
	"ALTER TABLE records ADD PRIMARY KEY (id)",
	"CREATE INDEX ON records (time, id)",
	"CREATE INDEX ON records (actor_id, time, id)",
	"CREATE INDEX ON records (target_type, target_id, time, id)",
	"CREATE INDEX ON records (target_id, time, id)",
	"CREATE INDEX ON records (action text_pattern_ops, time, id)",
	"CREATE INDEX ON records (tenant, time, id)",
	"CREATE INDEX ON records (trace_id)",
	"VACUUM ANALYZE records",
}

// newPostgres starts a server with all records of a reader.
func newPostgres(b *testing.B, reader query.Reader) (answer, error) {
	b.Helper()
	server, err := pgserver.Start()
	if errors.Is(err, pgserver.ErrNotInstalled) {
		return nil, err
	}
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, server.Stop()) })
	conn, err := pgx.Connect(b.Context(), server.URI())
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, conn.Close(context.Background())) })
	_, err = conn.Exec(b.Context(), schema)
	require.NoError(b, err)
	rows, stop := rowsOf(b.Context(), reader)
	defer stop()
	columns := []string{"id", "time", "actor_type", "actor_id", "action", "target_type", "target_id", "tenant", "trace_id", "record"}
	_, err = conn.CopyFrom(b.Context(), pgx.Identifier{"records"}, columns, rows)
	require.NoError(b, err)
	for _, statement := range indexes {
		_, err = conn.Exec(b.Context(), statement)
		require.NoError(b, err)
	}
	var data, index int64
	require.NoError(b, conn.QueryRow(b.Context(), "SELECT pg_table_size('records'), pg_indexes_size('records')").Scan(&data, &index))
	fmt.Fprintf(os.Stderr, "PostgreSQL: the indexes take %d%% of the size of the data\n", 100*index/data)
	return func(b *testing.B, q *question, r *record.Record) (found int) {
		b.Helper()
		where, args := q.where(r)
		rows, err := conn.Query(b.Context(), "SELECT record FROM records WHERE "+where, args...)
		require.NoError(b, err)
		defer rows.Close()
		for rows.Next() {
			require.NotEmpty(b, rows.RawValues()[0])
			found++
		}
		require.NoError(b, rows.Err())
		return found
	}, nil
}

// rowsOf returns the rows of all records.
func rowsOf(ctx context.Context, reader query.Reader) (rows pgx.CopyFromSource, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	found := make(chan []any, 1024)
	failed := make(chan error, 1)
	go func() {
		defer close(found)
		defer close(failed)
		for l, err := range query.Lines(ctx, reader, query.Filter{Ascending: true}) {
			var r record.Record
			if err == nil {
				err = r.UnmarshalJSON([]byte(l.JSON))
			}
			if err != nil {
				failed <- err
				return
			}
			found <- []any{
				[16]byte(r.ID), r.Time.UnixNano(), r.Actor.Type.String(), r.Actor.ID, r.Action,
				r.Target.Type, r.Target.ID, r.Tenant, r.TraceID.String(), l.JSON,
			}
		}
	}()
	return pgx.CopyFromFunc(func() ([]any, error) {
		if row, ok := <-found; ok {
			return row, nil
		}
		return nil, <-failed
	}), cancel
}

// newRipgrep returns ripgrep over the records of a reader as JSON lines. The file is made once.
func newRipgrep(b *testing.B, reader query.Reader, file string) (answer, error) {
	b.Helper()
	program, err := exec.LookPath("rg")
	if err != nil {
		return nil, err
	}
	if !exists(file) {
		writeLines(b, reader, file)
	}
	return func(b *testing.B, q *question, r *record.Record) (found int) {
		b.Helper()
		out, err := exec.CommandContext(b.Context(), program, "--no-config", "--no-line-number", "--regexp", q.pattern(r), file).Output()
		if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == 1 {
			return 0 // nothing matches
		}
		require.NoError(b, err)
		return bytes.Count(out, []byte("\n"))
	}, nil
}

func writeLines(b *testing.B, reader query.Reader, file string) {
	b.Helper()
	f, err := os.Create(file + ".new")
	require.NoError(b, err)
	for l, err := range query.Lines(b.Context(), reader, query.Filter{Ascending: true}) {
		require.NoError(b, err)
		_, err := io.Copy(f, strings.NewReader(l.JSON+"\n"))
		require.NoError(b, err)
	}
	require.NoError(b, f.Close())
	require.NoError(b, os.Rename(file+".new", file))
}
