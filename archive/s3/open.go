package s3

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/opendeed/audit/archive"
)

// defaultRegion is that of services which have one endpoint and no regions.
const defaultRegion = "us-east-1"

// Open returns a Store of a bucket that exists. Credentials come from where the AWS SDK finds
// them: the variables AWS_*, the files of a profile, or the role of the machine. What the
// location leaves out does too, such as AWS_ENDPOINT_URL_S3 and AWS_REGION. It sends no request
// to the bucket.
//
// A service of another endpoint gets the checksums of the client only where the protocol
// requires them, since some reject them; archive.Create reads back what it has stored. If the
// environment names the endpoint, the bucket is in the path of a request.
func Open(ctx context.Context, l archive.Location) (*Store, error) {
	if l.Bucket == "" {
		return nil, errors.New("s3: the location is not a bucket")
	}
	var opts []func(*config.LoadOptions) error
	if l.Region != "" {
		opts = append(opts, config.WithRegion(l.Region))
	}
	cfg, err := config.LoadDefaultConfig(ctx, opts...)
	if err != nil {
		return nil, fmt.Errorf("s3: %w", err)
	}
	client := s3.NewFromConfig(cfg, func(o *s3.Options) {
		if l.Endpoint != "" {
			o.BaseEndpoint = aws.String(l.Endpoint)
		}
		o.UsePathStyle = l.PathStyle
		if o.BaseEndpoint == nil {
			return
		}
		if l.Endpoint == "" { // the environment names it, but cannot name the style
			o.UsePathStyle = true
		}
		if o.Region == "" {
			o.Region = defaultRegion
		}
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
	})
	return New(client, l.Bucket, l.Prefix)
}
