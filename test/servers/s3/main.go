// Command s3 is the S3 server of the tests: the gateway of Versity over a directory, which
// answers conditional writes. It lacks the gateway's other backends and its tools, which take
// most of the time of a build.
//
// It serves S3 on a free port of 127.0.0.1, for the account whose access key and secret are both
// audit-test, and prints the line "HOST:PORT". The objects are in -dir. It stops when its standard
// input ends, which happens when the process that started it is gone.
package main

import (
	"flag"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/s3api"
	"github.com/versity/versitygw/s3api/middlewares"
)

const (
	account = "audit-test"
	region  = "us-east-1"
)

func main() {
	dir := flag.String("dir", "", "an empty directory for the objects")
	flag.Parse()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	if err := serve(*dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(dir string) error {
	for _, sub := range []string{dir + "/objects", dir + "/meta"} {
		if err := os.Mkdir(sub, 0o700); err != nil {
			return err
		}
	}
	ready := os.Stdout
	os.Stdout = os.Stderr                             // the gateway prints too
	attributes, err := meta.NewSideCar(dir + "/meta") // not every file system has extended attributes
	if err != nil {
		return err
	}
	backend, err := posix.New(dir+"/objects", attributes, posix.PosixOpts{SideCarDir: dir + "/meta"})
	if err != nil {
		return err
	}
	root := middlewares.RootUserConfig{Access: account, Secret: account}
	accounts := auth.NewIAMServiceSingle(auth.Account{Access: account, Secret: account, Role: auth.RoleAdmin})
	// The gateway does not tell which port it got, so it gets one that was free just now.
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	address := free.Addr().String()
	if err := free.Close(); err != nil {
		return err
	}
	server, err := s3api.New(backend, root, region, accounts, nil, nil, nil, nil,
		s3api.WithQuiet(), s3api.WithKeepAlive(), s3api.WithConcurrencyLimiter(1024, 1024), s3api.WithOnListen(func() { fmt.Fprintln(ready, address) }))
	if err != nil {
		return err
	}
	return server.ServeMultiPort([]string{address})
}
