package mongodb_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit/test/mongoserver"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.uber.org/goleak"
)

// serverURI is the URI of the server that the tests share. They must not kill it.
var serverURI string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if serverURI = mongoserver.URI(); serverURI == "" {
		dir, err := os.MkdirTemp("", "mongodb-test")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer func() { _ = os.RemoveAll(dir) }()
		server, err := mongoserver.Open(dir)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer server.Kill()
		serverURI = server.URI()
	}
	code := m.Run()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// needsMongoDB skips tests of features that only a real MongoDB has.
func needsMongoDB(t *testing.T) {
	t.Helper()
	if mongoserver.URI() == "" {
		t.Skip("needs a real MongoDB in MONGODB_URI")
	}
}

// connect returns a client that is disconnected at the end of the test.
func connect(t testing.TB, uri string, opts ...*options.ClientOptions) *mongo.Client {
	t.Helper()
	all := append([]*options.ClientOptions{options.Client().ApplyURI(uri).SetServerSelectionTimeout(5 * time.Second)}, opts...)
	client, err := mongo.Connect(all...)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = client.Disconnect(ctx) // fails if the server is gone
	})
	return client
}

// newCollection returns a new, empty collection, which is dropped at the end of the test.
func newCollection(t testing.TB, client *mongo.Client) *mongo.Collection {
	t.Helper()
	name := strings.ToLower(strings.NewReplacer("/", "_", " ", "_", "#", "_").Replace(t.Name()))
	coll := client.Database("opendeed_test").Collection(fmt.Sprintf("%.60s_%s", name, bson.NewObjectID().Hex()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = coll.Drop(ctx) // fails if the server is gone
	})
	return coll
}
