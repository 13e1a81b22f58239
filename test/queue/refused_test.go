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

// seal writes a token as docs/context-token.md says.
func seal(keyID, secret, payload string) string {
	signed := "audit1." + keyID + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// payload is that of a token for the mailer that lives from issued to expires,
// counted from now.
func payload(issued, expires time.Duration) string {
	now := time.Now()
	return fmt.Sprintf(`{"actor":{"id":"ceo","type":"user"},"audience":"mailer","expires":%d,"id":%q,"issued":%d}`,
		now.Add(expires).Unix(), audit.NewID(), now.Add(issued).Unix())
}

// TestRefusedJobs puts messages on the queue of the mailer that nobody should
// believe, among those that are genuine.
func TestRefusedJobs(t *testing.T) {
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
		{"genuine, made by the description of the format", seal("k1", keySecret, strings.Replace(payload(0, time.Hour), "ceo", "clerk", 1)), nil},
		{"no context", "", propagation.ErrMalformed},
		{"nonsense", "Bearer abc", propagation.ErrMalformed},
		{"another's name on the clerk's signature", strings.Join([]string{parts[0], parts[1], parts[2], clerk[3]}, "."), propagation.ErrSignature},
		{"another secret", seal("k1", "not "+keySecret, payload(0, time.Hour)), propagation.ErrSignature},
		{"a key of the forger's own", seal("k2", keySecret, payload(0, time.Hour)), propagation.ErrUnknownKey},
		{"a bit in the payload", parts[0] + "." + parts[1] + "." + "f" + parts[2][1:] + "." + parts[3], propagation.ErrSignature},
		{"stale", seal("k1", keySecret, payload(-2*time.Hour, -time.Hour)), propagation.ErrExpired},
		{"from the future", seal("k1", keySecret, payload(time.Hour, 2*time.Hour)), propagation.ErrNotYetValid},
		{"replayed from another audience", marshal("ceo", "billing"), propagation.ErrAudience},
		{"of an audience with a longer name", marshal("ceo", "mailer2"), propagation.ErrAudience},
		{"signed, but with a member that nobody knows", seal("k1", keySecret, strings.Replace(payload(0, time.Hour), "{", `{"a":1,`, 1)), propagation.ErrMalformed},
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
	at, done := 0, 0
	deliver(t, consumer, len(jobs), func(msg jetstream.Msg) {
		job := jobs[at]
		at++
		require.Equal(t, job.name, string(msg.Data()), "nothing is delivered twice")
		err := mailer.do(t.Context(), msg, func(ctx context.Context, _ audit.ID) error {
			done++
			return mailer.tracker.Track(ctx, audit.Event{Action: "mail.send", Outcome: audit.OutcomeSuccess})
		})
		if job.want == nil {
			assert.NoError(t, err, job.name)
		} else {
			assert.ErrorIs(t, err, job.want, job.name)
		}
	})
	requireDrained(t, consumer)
	assert.Equal(t, 2, done)

	refused := 0
	for _, r := range recorder.Records() {
		switch r.Action {
		case "mail.send":
			assert.Equal(t, audit.User("clerk"), r.Actor)
		default:
			refused++
			assert.Equal(t, audit.System("mailer"), r.Actor)
			assert.Empty(t, r.Channel)
			assert.NotContains(t, r.Reason, "ceo")
		}
	}
	assert.Equal(t, len(jobs)-2, refused)
}
