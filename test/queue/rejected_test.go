package queue_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/opendeed/audit"
	"github.com/opendeed/audit/audittest"
	"github.com/opendeed/audit/propagation"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// seal returns a token in the format of docs/context-token.md.
func seal(keyID, secret, payload string) string {
	signed := "audit1." + keyID + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// payload returns the payload of a token for the mailer that is valid from issued to
// expires, relative to now.
func payload(issued, expires time.Duration) string {
	now := time.Now()
	return fmt.Sprintf(`{"actor":{"id":"ceo","type":"user"},"audience":"mailer","expires":%d,"id":%q,"issued":%d}`,
		now.Add(expires).Unix(), audit.NewID(), now.Add(issued).Unix())
}

// TestRejectedJobs sends the mailer genuine messages and messages that it must reject.
func TestRejectedJobs(t *testing.T) {
	t.Parallel()
	queue := newQueue(t)
	recorder := audittest.NewRecorder(t)
	key := newKey(t, "k1")
	keySecret := "k1" + secret
	marshal := func(id, audience string) string {
		token, err := propagation.Marshal(audit.ContextWithActor(t.Context(), audit.User(id)), key, audience, time.Hour)
		require.NoError(t, err)
		return token
	}
	genuine := seal("k1", keySecret, payload(0, time.Hour))
	parts := strings.Split(genuine, ".")
	clerk := strings.Split(marshal("clerk", "mailer"), ".")

	jobs := []struct {
		name  string
		token string
		want  error
	}{
		{"genuine", marshal("clerk", "mailer"), nil},
		{"genuine, built from the format's description", seal("k1", keySecret, strings.Replace(payload(0, time.Hour), "ceo", "clerk", 1)), nil},
		{"no context", "", propagation.ErrMalformed},
		{"nonsense", "Bearer abc", propagation.ErrMalformed},
		{"another payload with the clerk's signature", strings.Join([]string{parts[0], parts[1], parts[2], clerk[3]}, "."), propagation.ErrSignature},
		{"another secret", seal("k1", "not "+keySecret, payload(0, time.Hour)), propagation.ErrSignature},
		{"unknown key", seal("k2", keySecret, payload(0, time.Hour)), propagation.ErrUnknownKey},
		{"changed payload", parts[0] + "." + parts[1] + "." + "f" + parts[2][1:] + "." + parts[3], propagation.ErrSignature},
		{"stale", seal("k1", keySecret, payload(-2*time.Hour, -time.Hour)), propagation.ErrExpired},
		{"from the future", seal("k1", keySecret, payload(time.Hour, 2*time.Hour)), propagation.ErrNotYetValid},
		{"from another audience", marshal("ceo", "billing"), propagation.ErrAudience},
		{"from an audience with a longer name", marshal("ceo", "mailer2"), propagation.ErrAudience},
		{"signed, with an unknown member", seal("k1", keySecret, strings.Replace(payload(0, time.Hour), "{", `{"a":1,`, 1)), propagation.ErrMalformed},
	}
	for _, job := range jobs {
		msg := nats.NewMsg("jobs.mailer")
		msg.Data = []byte(job.name)
		if job.token != "" {
			msg.Header.Set(contextHeader, job.token)
		}
		_, err := queue.PublishMsg(t.Context(), msg)
		require.NoError(t, err, job.name)
	}

	consumer := newConsumer(t, queue, "mailer")
	mailer := &worker{tracker: recorder.Tracker("mailer"), audience: "mailer", keys: []propagation.Key{key}}
	next, sent := 0, 0
	deliver(t, consumer, len(jobs), func(msg jetstream.Msg) {
		job := jobs[next]
		next++
		require.Equal(t, job.name, string(msg.Data()), "each message is delivered once, in order")
		err := mailer.handle(t.Context(), msg, func(ctx context.Context, _ audit.ID) error {
			sent++
			return mailer.tracker.Track(ctx, audit.Event{Action: "mail.send", Outcome: audit.OutcomeSuccess})
		})
		if job.want == nil {
			assert.NoError(t, err, job.name)
		} else {
			assert.ErrorIs(t, err, job.want, job.name)
		}
	})
	requireDrained(t, consumer)
	assert.Equal(t, 2, sent)

	rejected := 0
	for _, r := range recorder.Records() {
		switch r.Action {
		case "mail.send":
			assert.Equal(t, audit.User("clerk"), r.Actor)
		default:
			rejected++
			assert.Equal(t, audit.System("mailer"), r.Actor)
			assert.Empty(t, r.Channel)
			assert.NotContains(t, r.Reason, "ceo")
		}
	}
	assert.Equal(t, len(jobs)-2, rejected)
}
