package everywhere_test

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/opendeed/audit/test/mongoserver"
	"go.uber.org/goleak"
)

// serverURI is the URI of the MongoDB server for the rows with a driver.
var serverURI string

func TestMain(m *testing.M) {
	flag.Parse()
	gin.SetMode(gin.TestMode)
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if serverURI = mongoserver.URI(); serverURI == "" {
		dir, err := os.MkdirTemp("", "everywhere-test")
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
