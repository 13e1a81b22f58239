package queue_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newQueue starts a server with a stream of jobs and connects to it.
func newQueue(t *testing.T) jetstream.JetStream {
	t.Helper()
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
	})
	require.NoError(t, err)
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	require.True(t, s.ReadyForConnections(10*time.Second))

	closed := make(chan struct{})
	conn, err := nats.Connect(s.ClientURL(), nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
	require.NoError(t, err)
	t.Cleanup(func() {
		conn.Close()
		<-closed
	})
	queue, err := jetstream.New(conn)
	require.NoError(t, err)
	_, err = queue.CreateStream(t.Context(), jetstream.StreamConfig{Name: "JOBS", Subjects: []string{"jobs.>"}})
	require.NoError(t, err)
	return queue
}

// newConsumer returns a consumer of the jobs of one audience.
func newConsumer(t *testing.T, queue jetstream.JetStream, audience string) jetstream.Consumer {
	t.Helper()
	consumer, err := queue.CreateConsumer(t.Context(), "JOBS", jetstream.ConsumerConfig{
		Durable: audience, FilterSubject: "jobs." + audience, AckPolicy: jetstream.AckExplicitPolicy,
	})
	require.NoError(t, err)
	return consumer
}

// deliver calls handle for the next n deliveries, one after the other.
func deliver(t *testing.T, consumer jetstream.Consumer, n int, handle func(jetstream.Msg)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for range n {
		msg, err := consumer.Next(jetstream.FetchContext(ctx))
		require.NoError(t, err)
		handle(msg)
	}
}

// requireDrained waits until no message is pending or unacknowledged.
func requireDrained(t *testing.T, consumer jetstream.Consumer) {
	t.Helper()
	require.Eventually(t, func() bool {
		info, err := consumer.Info(t.Context())
		return err == nil && info.NumPending == 0 && info.NumAckPending == 0
	}, 10*time.Second, 10*time.Millisecond)
}
