// Package s3 tests the store of archives in S3 against a real server.
package s3

import (
	"context"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/opendeed/audit/archive"
	"github.com/opendeed/audit/archive/s3"
	"github.com/opendeed/audit/archive/storetest"
	"github.com/opendeed/audit/test/process"
	"github.com/stretchr/testify/require"
)

// account is the access key of the server in test/servers/s3, and its secret.
const account = "audit-test"

// newServer starts a server, and returns its URL.
func newServer(t *testing.T) string {
	t.Helper()
	program, err := process.Build("s3")
	require.NoError(t, err)
	server, address, err := process.Start(program, "-dir", t.TempDir())
	require.NoError(t, err)
	t.Cleanup(server.Kill)
	return "http://" + address
}

// newClient returns a client of a server.
func newClient(url string) *awss3.Client {
	return awss3.New(awss3.Options{
		BaseEndpoint: &url, Region: "us-east-1", UsePathStyle: true,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: account, SecretAccessKey: account}, nil
		}),
	})
}

func TestStore(t *testing.T) {
	t.Parallel()
	client := newClient(newServer(t))
	var buckets atomic.Int32
	storetest.Run(t, func(t *testing.T) archive.Store {
		t.Helper()
		bucket := "audit-" + strconv.Itoa(int(buckets.Add(1)))
		_, err := client.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: &bucket})
		require.NoError(t, err)
		store, err := s3.New(client, bucket, "shop")
		require.NoError(t, err)
		return store
	})
}
