package auditrepo_test

import (
	"context"
	"math"
	"math/big"
	"sync"
	"testing"
	"time"

	"github.com/opendeed/audit/audittest"
	"github.com/opendeed/audit/diff"
	auditrepo "github.com/opendeed/audit/instrumentation/repository"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The kinds of fields that a store can change in place.
type (
	order struct {
		// mu guards the order and must not be copied.
		mu sync.Mutex

		ID     string
		Lines  []*orderLine      `audit:"lines"`
		Labels map[string]string `audit:"labels"`
		Any    any               `audit:"any"`
		Parent *order            `audit:"parent"`
		Pair   [2]*int           `audit:"pair"`
		Since  time.Time         `audit:"since"`
		Total  *big.Int          `audit:"total"` // its fields are unexported
		Limits []any             `audit:"limits,sensitive"`
		Ratio  float64           `audit:"ratio"`
		Ratios []float64         `audit:"ratios"`
		Card   *card             `audit:"card,sensitive"`
		Next   orderLink         `audit:"next"`
		None   any               `audit:"none"`
		Hook   func()            `audit:"hook,sensitive"`
		base
		Shared *order // neither recorded nor copied
	}
	orderLine struct {
		SKU   string `audit:"sku,key"`
		Count int    `audit:"count"`
	}
	orderLink *orderLine
	card      struct {
		Numbers []string
		owner   string
	}
	base struct {
		Region []string `audit:"region"`
	}
)

func newOrder() *order {
	o := &order{
		ID:     "1",
		Lines:  []*orderLine{{SKU: "a", Count: 1}, {SKU: "b", Count: 2}},
		Labels: map[string]string{"color": "red"},
		Any:    map[string]any{"deep": []int{1, 2}},
		Pair:   [2]*int{new(int), nil},
		Since:  time.Unix(1, 0),
		Total:  big.NewInt(100),
		Limits: []any{big.NewInt(100), big.NewFloat(1.5), big.NewRat(1, 3)},
		Ratio:  math.NaN(),
		Ratios: []float64{math.NaN()},
		Next:   &orderLine{SKU: "n"},
		Card:   &card{Numbers: []string{"1234"}, owner: "alice"},
		base:   base{Region: []string{"eu"}},
		Shared: &order{},
	}
	o.Parent = o
	return o
}

// orders is a store of one order that writes change in place.
type orders struct {
	stored *order
	change func(o *order)
}

func (s *orders) Get(context.Context, string) (*order, error) { return s.stored, nil }

func (s *orders) Update(context.Context, *order) error {
	s.change(s.stored)
	return nil
}

// Changes in place are recorded, although Get returns the object that the write changes.
func TestChangesInPlace(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(o *order)
		want   string
	}{
		"nothing":              {func(*order) {}, ""},
		"element":              {func(o *order) { o.Lines[1].Count++ }, " [lines.b.count 2 -> 3]"},
		"order of elements":    {func(o *order) { o.Lines[0], o.Lines[1] = o.Lines[1], o.Lines[0] }, ""},
		"slice":                {func(o *order) { o.Lines = append(o.Lines[:0], o.Lines[1]) }, " [lines.a.sku a -> nothing] [lines.a.count 1 -> nothing]"},
		"map":                  {func(o *order) { o.Labels["color"], o.Labels["size"] = "blue", "s" }, " [labels.color red -> blue] [labels.size nothing -> s]"},
		"interface":            {func(o *order) { o.Any.(map[string]any)["deep"].([]int)[0] = 7 }, " [any.deep [1,2] -> [7,2]]"},
		"array":                {func(o *order) { *o.Pair[0] = 5 }, " [pair [0,null] -> [5,null]]"},
		"time":                 {func(o *order) { o.Since = time.Unix(2, 0) }, " [since 1970-01-01T00:00:01.000000000Z -> 1970-01-01T00:00:02.000000000Z]"},
		"embedded":             {func(o *order) { o.Region[0] = "us" }, ` [region ["eu"] -> ["us"]]`},
		"sensitive":            {func(o *order) { o.Card.Numbers[0] = "9999" }, " [card ***REDACTED*** -> ***REDACTED***]"},
		"sensitive, hidden":    {func(o *order) { o.Card.owner = "bob" }, " [card ***REDACTED*** -> ***REDACTED***]"},
		"sensitive integer":    {func(o *order) { o.Limits[0].(*big.Int).SetInt64(5) }, " [limits ***REDACTED*** -> ***REDACTED***]"},
		"sensitive float":      {func(o *order) { o.Limits[1].(*big.Float).SetInt64(3) }, " [limits ***REDACTED*** -> ***REDACTED***]"},
		"sensitive fraction":   {func(o *order) { o.Limits[2].(*big.Rat).SetInt64(2) }, " [limits ***REDACTED*** -> ***REDACTED***]"},
		"unexported":           {func(o *order) { o.Total.Add(o.Total, big.NewInt(1)) }, " [total 100 -> 101]"},
		"unexported, and more": {func(o *order) { o.Total.SetInt64(5); o.Labels["color"] = "blue"; o.Card.Numbers[0] = "9" }, " [labels.color red -> blue] [total 100 -> 5] [card ***REDACTED*** -> ***REDACTED***]"},
		"named pointer":        {func(o *order) { o.Next.SKU = "m" }, " [next.sku n -> m]"},
		"to nil":               {func(o *order) { o.None, o.Next = 1, nil }, " [next.sku n -> nothing] [next.count 0 -> nothing] [none nothing -> 1]"},
		"func":                 {func(o *order) { o.Hook = func() {} }, " [hook nothing -> ***REDACTED***]"},
		"hidden, and more":     {func(o *order) { o.Total.SetInt64(5); o.None = 1; o.Ratio = 2 }, " [total 100 -> 5] [ratio NaN -> 2] [none nothing -> 1]"},
		"untagged":             {func(o *order) { o.Shared.ID = "7" }, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			recorder := audittest.NewRecorder(t)
			a, err := auditrepo.New(recorder.Tracker("test"), auditrepo.Config[*order, string]{
				TargetType: "order", ID: func(o *order) string { return o.ID },
			})
			require.NoError(t, err)
			s := a.Updater(&orders{stored: newOrder(), change: test.change})
			after := newOrder()
			test.change(after)
			require.NoError(t, s.Update(as(t, "42"), after))
			assert.Equal(t, []string{"intent order.update update success by user:42 on order/1" + test.want}, trail(recorder))
		})
	}
}

func (s *orders) Delete(context.Context, string) error {
	s.change(s.stored)
	return nil
}

// A deleted value is recorded as it was, although the store clears it.
func TestDeleteThatClearsValue(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	a, err := auditrepo.New(recorder.Tracker("test"), auditrepo.Config[*order, string]{
		TargetType: "order", ID: func(o *order) string { return o.ID },
	})
	require.NoError(t, err)
	stored := &order{Total: big.NewInt(100), Labels: map[string]string{"color": "red"}}
	s := a.Deleter(&orders{stored: stored, change: func(o *order) {
		o.Total.SetInt64(7)
		clear(o.Labels)
	}})
	require.NoError(t, s.Delete(as(t, "42"), "1"))
	assert.Equal(t, []string{
		"intent order.delete delete success by user:42 on order/1" +
			" [labels.color red -> nothing] [pair [null,null] -> nothing] [since 0001-01-01T00:00:00.000000000Z -> nothing] [total 100 -> nothing] [ratio 0 -> nothing]",
	}, trail(recorder))
}

// Untagged fields are not read: another goroutine may change them and hold the lock. The
// race detector checks it.
func TestUntaggedFieldsAreNotRead(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	a, err := auditrepo.New(recorder.Tracker("test"), auditrepo.Config[*order, string]{
		TargetType: "order", ID: func(o *order) string { return o.ID },
	})
	require.NoError(t, err)
	stored := newOrder()
	s := a.Updater(&orders{stored: stored, change: func(*order) {}})
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				stored.mu.Lock()
				stored.Shared.Ratio++
				stored.mu.Unlock()
			}
		}
	})
	for range 100 {
		require.NoError(t, s.Update(as(t, "42"), stored))
	}
	close(stop)
	wg.Wait()
}

// A store of structs changes the slice that a returned struct shares.
func TestChangesInPlaceOfStructs(t *testing.T) {
	t.Parallel()
	type list struct {
		ID    string
		Items []string `audit:"items"`
	}
	recorder := audittest.NewRecorder(t)
	a, err := auditrepo.New(recorder.Tracker("test"), auditrepo.Config[list, string]{
		TargetType: "list", ID: func(l list) string { return l.ID },
	})
	require.NoError(t, err)
	stored := list{ID: "1", Items: []string{"a", "b"}}
	s := a.Updater(valueStore[list]{
		get:    func() (list, error) { return stored, nil },
		update: func(l list) error { copy(stored.Items, l.Items); return nil },
	})
	require.NoError(t, s.Update(as(t, "42"), list{ID: "1", Items: []string{"a", "c"}}))
	assert.Equal(t, []string{`intent list.update update success by user:42 on list/1 [items ["a","b"] -> ["a","c"]]`}, trail(recorder))
}

type valueStore[T any] struct {
	get    func() (T, error)
	update func(T) error
}

func (s valueStore[T]) Get(context.Context, string) (T, error) { return s.get() }

func (s valueStore[T]) Update(_ context.Context, v T) error { return s.update(v) }

// Rules add fields to the tagged ones. The copier does not know the rules.
func TestChangesInPlaceWithRules(t *testing.T) {
	t.Parallel()
	type account struct {
		ID     string
		Name   string `audit:"name"`
		Emails []string
		Keys   map[string]string
	}
	recorder := audittest.NewRecorder(t)
	a, err := auditrepo.New(recorder.Tracker("test"), auditrepo.Config[*account, string]{
		TargetType: "account", ID: func(a *account) string { return a.ID },
		DiffOptions: []diff.Option{diff.WithFields(map[string]diff.Rule{"Emails": diff.Tracked, "Keys": diff.Sensitive})},
	})
	require.NoError(t, err)
	stored := &account{ID: "1", Emails: []string{"a"}, Keys: map[string]string{"k": "v"}}
	s := a.Updater(valueStore[*account]{
		get:    func() (*account, error) { return stored, nil },
		update: func(*account) error { stored.Emails[0], stored.Keys["k"] = "b", "w"; return nil },
	})
	require.NoError(t, s.Update(as(t, "42"), stored))
	assert.Equal(t, []string{
		`intent account.update update success by user:42 on account/1 [Emails ["a"] -> ["b"]] [Keys ***REDACTED*** -> ***REDACTED***]`,
	}, trail(recorder))
}

type hidden struct {
	Secret string `audit:"secret,sensitive"`
}

type wrapper struct {
	ID string
	*hidden
}

// A type that only its own package can copy requires Clone.
func TestClone(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	c := auditrepo.Config[*wrapper, string]{TargetType: "wrapper", ID: func(h *wrapper) string { return h.ID }}
	_, err := auditrepo.New(recorder.Tracker("test"), c)
	require.ErrorContains(t, err, "Config.Clone is required: auditrepo_test.wrapper embeds a pointer")

	type list struct {
		Items map[string][]*wrapper `audit:"items"`
	}
	_, err = auditrepo.New(recorder.Tracker("test"), auditrepo.Config[*list, string]{TargetType: "list", ID: func(*list) string { return "" }})
	require.ErrorContains(t, err, "Config.Clone is required: auditrepo_test.wrapper embeds a pointer")

	c.Clone = func(h *wrapper) *wrapper {
		inner := *h.hidden
		return &wrapper{h.ID, &inner}
	}
	a, err := auditrepo.New(recorder.Tracker("test"), c)
	require.NoError(t, err)
	stored := &wrapper{"1", &hidden{"a"}}
	s := a.Updater(valueStore[*wrapper]{
		get:    func() (*wrapper, error) { return stored, nil },
		update: func(*wrapper) error { stored.Secret = "b"; return nil },
	})
	require.NoError(t, s.Update(as(t, "42"), stored))
	assert.Equal(t, []string{
		"intent wrapper.update update success by user:42 on wrapper/1 [secret ***REDACTED*** -> ***REDACTED***]",
	}, trail(recorder))

	c.Clone = func(*wrapper) *wrapper { panic("Clone") }
	a, err = auditrepo.New(recorder.Tracker("test"), c)
	require.NoError(t, err)
	recorder.Reset()
	var failed *auditrepo.TrackError
	s = a.Updater(valueStore[*wrapper]{
		get:    func() (*wrapper, error) { return stored, nil },
		update: func(*wrapper) error { return nil },
	})
	require.ErrorAs(t, s.Update(as(t, "42"), stored), &failed)
	assert.True(t, failed.Done)
	assert.Equal(t, []string{
		"intent wrapper.update update success by user:42 on wrapper/1 [secret nothing -> ***REDACTED***] repository.before_unknown=not copied",
	}, trail(recorder))
}
