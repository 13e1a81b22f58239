package sdk_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

func nested(depth int) attribute.Value {
	v := attribute.StringValue("leaf")
	for range depth {
		v = attribute.SliceValue(v)
	}
	return v
}

func manyKeys(n int) []attribute.KeyValue {
	kvs := make([]attribute.KeyValue, n)
	for i := range kvs {
		kvs[i] = attribute.Int(fmt.Sprintf("key%d", i), i)
	}
	return kvs
}

func TestInvalidEvents(t *testing.T) {
	t.Parallel()
	const secret = "s3cr3t"
	tests := []struct {
		name   string
		change func(e *audit.Event)
		field  string
	}{
		{"no action", func(e *audit.Event) { e.Action = "" }, "action"},
		{"bad action", func(e *audit.Event) { e.Action = secret + "!" }, "action"},
		{"long action", func(e *audit.Event) { e.Action = strings.Repeat("a", 129) }, "action"},
		{"unknown kind", func(e *audit.Event) { e.Kind = 9 }, "kind"},
		{"unknown operation", func(e *audit.Event) { e.Operation = 99 }, "operation"},
		{"unknown outcome", func(e *audit.Event) { e.Outcome = 9 }, "outcome"},
		{"a beginning with an outcome", func(e *audit.Event) { e.ID = audit.NewID(); e.Attempt = e.ID }, "outcome"},
		{"bulk without a selector", func(e *audit.Event) { e.Bulk.Affected = 1 }, "bulk.selector"},
		{"bulk without a type", func(e *audit.Event) { e.Target, e.Bulk.Selector = audit.Target{}, secret }, "target.type"},
		{"unknown actor type", func(e *audit.Event) { e.Actor.Type = 9 }, "actor.type"},
		{"unresolved in an intent", func(e *audit.Event) { e.Actor = audit.Actor{Type: audit.ActorUnresolved} }, "actor.type"},
		{"a user without an id", func(e *audit.Event) { e.Actor = audit.User("") }, "actor.id"},
		{"anonymous with an id", func(e *audit.Event) { e.Actor = audit.Actor{Type: audit.ActorAnonymous, ID: secret} }, "actor.id"},
		{"on behalf of a user without an id", func(e *audit.Event) { e.Actor.OnBehalfOf = &audit.Actor{Type: audit.ActorUser} }, "actor.on_behalf_of.id"},
		{"on behalf of no actor", func(e *audit.Event) { e.Actor.OnBehalfOf = &audit.Actor{} }, "actor.on_behalf_of.type"},
		{"a target's id without a type", func(e *audit.Event) { e.Target = audit.Target{ID: secret} }, "target.type"},
		{"a target's name without a type", func(e *audit.Event) { e.Target = audit.Target{Name: secret} }, "target.type"},
		{"before 1970", func(e *audit.Event) { e.Time = time.Date(1969, 12, 31, 23, 59, 59, 0, time.UTC) }, "time"},
		{"after 9999", func(e *audit.Event) { e.Time = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }, "time"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &sink{}
			tracker := newTracker(t, sdk.WithSyncer(s))
			err := tracker.Track(t.Context(), with(tt.change))
			var invalid *audit.ValidationError
			require.ErrorAs(t, err, &invalid)
			assert.Equal(t, tt.field, invalid.Field)
			assert.NotEmpty(t, invalid.Reason)
			assert.NotContains(t, err.Error(), secret)
			assert.Less(t, len(err.Error()), 300)
			assert.Empty(t, s.all())

			require.NoError(t, tracker.Track(t.Context(), valid()), "a valid event is recorded")
			assert.Len(t, s.all(), 1)
		})
	}
}

func TestTextIsEscapedAndMarked(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(e *audit.Event)
		marks  []mark.Mark
		check  func(t *testing.T, r *record.Record)
	}{
		{"reason", func(e *audit.Event) { e.Reason = "bad \xff\x00 text\n\tof lines\r\n" }, []mark.Mark{{Path: "reason", Kind: mark.Escaped}}, func(t *testing.T, r *record.Record) {
			assert.Equal(t, "bad \\xff\\x00 text\n\tof lines\r\n", r.Reason)
		}},
		{"names", func(e *audit.Event) { e.Actor.Name, e.Target.Name = "A\nB", "C\x1b[31m" }, []mark.Mark{{Path: "actor.name", Kind: mark.Escaped}, {Path: "target.name", Kind: mark.Escaped}}, func(t *testing.T, r *record.Record) {
			assert.Equal(t, `A\x0aB`, r.Actor.Name)
			assert.Equal(t, `C\x1b[31m`, r.Target.Name)
		}},
		{"the target's id", func(e *audit.Event) { e.Target.ID = "\xc3\x28" }, []mark.Mark{{Path: "target.id", Kind: mark.Escaped}}, func(t *testing.T, r *record.Record) {
			assert.Equal(t, `\xc3(`, r.Target.ID)
		}},
		{"metadata", func(e *audit.Event) {
			e.Metadata = []attribute.KeyValue{
				attribute.String("a", "\xff"), attribute.StringSlice("b", []string{"ok", "\x00"}),
				attribute.Map("c", attribute.String("d", "\x7f")), attribute.Slice("e", attribute.StringValue("\u0085")),
				attribute.String("f", "fine\n"), attribute.StringSlice("g", []string{"fine"}),
			}
		}, []mark.Mark{{Path: "metadata.a", Kind: mark.Escaped}, {Path: "metadata.b[1]", Kind: mark.Escaped}, {Path: "metadata.c.d", Kind: mark.Escaped}, {Path: "metadata.e[0]", Kind: mark.Escaped}}, func(t *testing.T, r *record.Record) {
			assert.Equal(t, []attribute.KeyValue{
				attribute.String("a", `\xff`), attribute.StringSlice("b", []string{"ok", `\x00`}),
				attribute.Map("c", attribute.String("d", `\x7f`)), attribute.Slice("e", attribute.StringValue(`\xc2\x85`)),
				attribute.String("f", "fine\n"), attribute.StringSlice("g", []string{"fine"}),
			}, r.Metadata)
		}},
		{"changes", func(e *audit.Event) {
			e.Changes = []audit.Change{{Field: "f", Old: attribute.StringValue("\x00"), New: attribute.StringValue("fine")}}
		}, []mark.Mark{{Path: "changes.f", Kind: mark.Escaped}}, func(t *testing.T, r *record.Record) {
			assert.Equal(t, attribute.StringValue(`\x00`), r.Changes[0].Old)
		}},
		{"a value that cannot be represented", func(e *audit.Event) {
			e.Changes, _ = audit.Diff(struct {
				F func() `audit:"f"`
			}{}, struct {
				F func() `audit:"f"`
			}{func() {}})
		}, []mark.Mark{{Path: "changes.f", Kind: mark.Replaced}}, func(t *testing.T, r *record.Record) {
			_, ok := record.Unrepresentable(r.Changes[0].New)
			assert.True(t, ok)
		}},
		{"a count that no record can have", func(e *audit.Event) {
			e.Bulk = audit.Bulk{Selector: "all", Affected: -1}
		}, []mark.Mark{{Path: "bulk.affected", Kind: mark.Replaced}}, func(t *testing.T, r *record.Record) {
			assert.Zero(t, r.Bulk.Affected)
		}},
		{"numbers that plain JSON lacks", func(e *audit.Event) {
			e.Metadata = []attribute.KeyValue{
				attribute.Float64("a", math.Inf(1)), attribute.Float64("b", math.Inf(-1)),
				attribute.Int64("c", math.MaxInt64),
				{Key: "d"},
			}
		}, nil, func(t *testing.T, r *record.Record) {
			assert.Len(t, r.Metadata, 4)
		}},
		{
			"the deepest values", func(e *audit.Event) { e.Metadata = []attribute.KeyValue{{Key: "k", Value: nested(32)}} }, nil,
			func(t *testing.T, r *record.Record) { assert.Equal(t, nested(32), r.Metadata[0].Value) },
		},
		{
			"the largest number of keys", func(e *audit.Event) { e.Metadata = manyKeys(256) }, nil,
			func(t *testing.T, r *record.Record) { assert.Len(t, r.Metadata, 256) },
		},
		{
			"the last instant", func(e *audit.Event) { e.Time = time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC) }, nil,
			func(t *testing.T, r *record.Record) { assert.Equal(t, 9999, r.Time.Year()) },
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &sink{}
			e := with(tt.change)
			require.NoError(t, newTracker(t, sdk.WithSyncer(s)).Track(t.Context(), e))
			r := s.one(t)
			assert.Equal(t, tt.marks, r.Marks)
			tt.check(t, r)
			b, err := r.AppendJSON(nil)
			require.NoError(t, err, "every accepted record can be written")
			var back record.Record
			require.NoError(t, back.UnmarshalJSON(b))
		})
	}
}

func TestAnonymous(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		opts   []sdk.Option
		change func(e *audit.Event)
		ok     bool
	}{
		{"not allowed", nil, func(*audit.Event) {}, false},
		{"allowed", []sdk.Option{sdk.WithAnonymous("article.update")}, func(*audit.Event) {}, true},
		{"allowed by a pattern", []sdk.Option{sdk.WithAnonymous("page.*", "article.*")}, func(*audit.Event) {}, true},
		{"other actions are allowed", []sdk.Option{sdk.WithAnonymous("article.up", "*.create")}, func(*audit.Event) {}, false},
		{"a failed login", nil, func(e *audit.Event) { e.Operation, e.Outcome = audit.OperationLogin, audit.OutcomeFailure }, true},
		{"a successful login", nil, func(e *audit.Event) { e.Operation = audit.OperationLogin }, false},
		{"a denied request", nil, func(e *audit.Event) { e.Action, e.Outcome = "access.denied", audit.OutcomeDenied }, true},
		{"on behalf of an anonymous actor", nil, func(e *audit.Event) {
			e.Actor = audit.User("42")
			e.Actor.OnBehalfOf = &audit.Actor{Type: audit.ActorAnonymous}
		}, false},
		{"no actor", []sdk.Option{sdk.WithAnonymous("*")}, func(e *audit.Event) { e.Actor = audit.Actor{} }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &sink{}
			e := valid()
			e.Actor = audit.Anonymous()
			tt.change(&e)
			err := newTracker(t, append(tt.opts, sdk.WithSyncer(s))...).Track(t.Context(), e)
			switch {
			case tt.ok:
				require.NoError(t, err)
			case e.Actor.IsZero():
				require.ErrorIs(t, err, audit.ErrNoActor)
			default:
				require.ErrorIs(t, err, policy.ErrAnonymousNotAllowed)
			}
			assert.Equal(t, tt.ok, len(s.all()) == 1)
		})
	}
}

func TestValidationOptions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		opts   []sdk.ValidationOption
		change func(e *audit.Event)
		field  string // empty if the event is accepted
	}{
		{"registered", []sdk.ValidationOption{sdk.WithActions("article.*")}, func(*audit.Event) {}, ""},
		{"not registered", []sdk.ValidationOption{sdk.WithActions("article.create", "page.*")}, func(*audit.Event) {}, "action"},
		{"reason", []sdk.ValidationOption{sdk.WithRequired("article.*", "reason")}, func(e *audit.Event) { e.Reason = "because" }, ""},
		{"reason is missing", []sdk.ValidationOption{sdk.WithRequired("article.*", "reason")}, func(*audit.Event) {}, "reason"},
		{"tenant is missing", []sdk.ValidationOption{sdk.WithRequired("*", "target", "tenant")}, func(*audit.Event) {}, "tenant"},
		{"target is missing", []sdk.ValidationOption{sdk.WithRequired("*", "target")}, func(e *audit.Event) { e.Target.ID = "" }, "target"},
		{"target's name is missing", []sdk.ValidationOption{sdk.WithRequired("*", "target.name")}, func(*audit.Event) {}, "target.name"},
		{"channel is missing", []sdk.ValidationOption{sdk.WithRequired("*", "channel")}, func(*audit.Event) {}, "channel"},
		{"outcome is missing", []sdk.ValidationOption{sdk.WithRequired("*", "outcome")}, func(e *audit.Event) { e.Outcome = 0 }, "outcome"},
		{"changes are missing", []sdk.ValidationOption{sdk.WithRequired("*", "changes")}, func(*audit.Event) {}, "changes"},
		{"metadata is missing", []sdk.ValidationOption{sdk.WithRequired("*", "metadata.ticket")}, func(*audit.Event) {}, "metadata.ticket"},
		{"metadata", []sdk.ValidationOption{sdk.WithRequired("*", "metadata.ticket")}, func(e *audit.Event) {
			e.Metadata = []attribute.KeyValue{attribute.String("ticket", "T-1")}
		}, ""},
		{"another action", []sdk.ValidationOption{sdk.WithRequired("page.*", "reason")}, func(*audit.Event) {}, ""},
		{"a signal has no reason", []sdk.ValidationOption{sdk.WithRequired("*", "reason")}, func(e *audit.Event) { e.Kind = audit.KindSignal }, ""},
		{"later than now", []sdk.ValidationOption{sdk.WithMaxClockSkew(time.Minute)}, func(e *audit.Event) { e.Time = time.Now().Add(time.Hour) }, "time"},
		{"a little later than now", []sdk.ValidationOption{sdk.WithMaxClockSkew(time.Hour)}, func(e *audit.Event) { e.Time = time.Now().Add(time.Minute) }, ""},
		{"long ago", []sdk.ValidationOption{sdk.WithMaxClockSkew(time.Minute)}, func(e *audit.Event) { e.Time = time.Unix(0, 0) }, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &sink{}
			err := newTracker(t, sdk.WithSyncer(s), sdk.WithValidation(tt.opts...)).Track(t.Context(), with(tt.change))
			if tt.field == "" {
				require.NoError(t, err)
				assert.Len(t, s.all(), 1)
				return
			}
			var invalid *audit.ValidationError
			require.ErrorAs(t, err, &invalid)
			assert.Equal(t, tt.field, invalid.Field)
		})
	}
}
