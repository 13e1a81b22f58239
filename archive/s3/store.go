// Package s3 keeps archives in a bucket of Amazon S3, or of any other service with its
// protocol.
//
//	location, err := archive.ParseLocation("s3://audit-archives/shop")
//	...
//	store, err := s3.Open(ctx, location)
//
// The service must support conditional writes (If-None-Match), as Amazon S3 does since 2024: Open
// does not test that, but storetest does. New takes a client, which decides about credentials,
// retries and timeouts. For a service that rejects the checksums which the client adds by
// default, set RequestChecksumCalculation to aws.RequestChecksumCalculationWhenRequired.
//
// Object lock and versioning of a bucket work below this package: a deletion that the bucket
// forbids is an error, and one that it keeps a version of is none.
package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/opendeed/audit/archive"
)

// Store is an archive.Store in a bucket. It is safe for concurrent use.
type Store struct {
	client         *s3.Client
	bucket, prefix string
}

var _ archive.Store = (*Store)(nil)

// New returns a Store of the objects in the bucket whose keys start with prefix, which may be
// empty. Names of the Store do not have the prefix.
func New(client *s3.Client, bucket, prefix string) (*Store, error) {
	if client == nil || bucket == "" {
		return nil, errors.New("s3: the client and the bucket are required")
	}
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	return &Store{client, bucket, prefix}, nil
}

// maxPut is the size of the largest object that one request can store.
const maxPut = 5 << 30

// Put stores an object in one request, which the service carries out as a whole or not at
// all. An object has at most 5 GiB.
func (s *Store) Put(ctx context.Context, name string, content io.ReadSeeker, size int64) error {
	if err := check(name); err != nil {
		return err
	}
	if size > maxPut {
		return fmt.Errorf("s3: put %s: %w", name, archive.ErrTooLarge)
	}
	end, err := content.Seek(0, io.SeekEnd)
	if err == nil && end < size {
		err = io.ErrUnexpectedEOF
	}
	if err == nil {
		_, err = content.Seek(0, io.SeekStart)
	}
	if err != nil {
		return fmt.Errorf("s3: put %s: %w", name, err)
	}
	_, err = s.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &s.bucket, Key: aws.String(s.prefix + name), Body: &section{content, size, 0}, ContentLength: &size,
		IfNoneMatch: aws.String("*"),
	})
	if status := statusOf(err); status == http.StatusPreconditionFailed || status == http.StatusConflict {
		// A conflict means that another Put of the name is under way, or has just ended.
		err = s.afterConflict(ctx, name, err, status)
	}
	return s.locate("put", name, err)
}

// afterConflict returns fs.ErrExist if there is an object with the name.
func (s *Store) afterConflict(ctx context.Context, name string, err error, status int) error {
	if status == http.StatusPreconditionFailed {
		return fs.ErrExist
	}
	_, headErr := s.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.bucket, Key: aws.String(s.prefix + name)})
	if headErr == nil {
		return fs.ErrExist
	}
	return err
}

// section is the beginning of a ReadSeeker. The client seeks to compute hashes and to retry.
type section struct {
	io.ReadSeeker

	size, at int64
}

func (r *section) Read(p []byte) (int, error) {
	if r.at >= r.size {
		return 0, io.EOF
	}
	n, err := r.ReadSeeker.Read(p[:min(int64(len(p)), r.size-r.at)])
	r.at += int64(n)
	return n, err
}

func (r *section) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekEnd {
		offset, whence = r.size+offset, io.SeekStart
	}
	at, err := r.ReadSeeker.Seek(offset, whence)
	if err == nil {
		r.at = at
	}
	return at, err
}

// ReadAt reads a range of an object.
func (s *Store) ReadAt(ctx context.Context, name string, p []byte, offset int64) (int, error) {
	if err := check(name); err != nil {
		return 0, err
	}
	if len(p) == 0 {
		return 0, ctx.Err()
	}
	out, err := s.client.GetObject(ctx, &s3.GetObjectInput{
		Bucket: &s.bucket, Key: aws.String(s.prefix + name),
		Range: aws.String(fmt.Sprintf("bytes=%d-%d", offset, offset+int64(len(p))-1)),
	})
	switch {
	case statusOf(err) == http.StatusRequestedRangeNotSatisfiable:
		return 0, io.EOF
	case err != nil:
		return 0, s.locate("read", name, err)
	}
	defer func() { _ = out.Body.Close() }() // only read
	if offset > 0 && out.ContentRange == nil {
		return 0, s.locate("read", name, errors.New("the service ignores ranges"))
	}
	n, err := io.ReadFull(out.Body, p)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return n, io.EOF
	}
	return n, s.locate("read", name, err)
}

// List lists objects. It sends one request for 1,000 of them.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[archive.Object, error] {
	return func(yield func(archive.Object, error) bool) {
		pages := s3.NewListObjectsV2Paginator(s.client, &s3.ListObjectsV2Input{Bucket: &s.bucket, Prefix: aws.String(s.prefix + prefix)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(archive.Object{}, s.locate("list", prefix, err))
				return
			}
			for _, o := range page.Contents {
				name := strings.TrimPrefix(aws.ToString(o.Key), s.prefix)
				if archive.ValidName(name) && !yield(archive.Object{Name: name, Size: aws.ToInt64(o.Size)}, nil) {
					return
				}
			}
		}
	}
}

// Delete removes an object.
func (s *Store) Delete(ctx context.Context, name string) error {
	if err := check(name); err != nil {
		return err
	}
	_, err := s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.bucket, Key: aws.String(s.prefix + name)})
	if statusOf(err) == http.StatusNotFound {
		return nil
	}
	return s.locate("delete", name, err)
}

func check(name string) error {
	if !archive.ValidName(name) {
		return fmt.Errorf("s3: %q is no name of an object: %w", name, fs.ErrInvalid)
	}
	return nil
}

// statusOf returns the HTTP status of an error, or zero.
func statusOf(err error) int {
	if response, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		return response.HTTPStatusCode()
	}
	return 0
}

// locate adds the bucket and the key to an error. It accepts nil.
func (s *Store) locate(operation, name string, err error) error {
	if err == nil {
		return nil
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok && (api.ErrorCode() == "NoSuchKey" || api.ErrorCode() == "NotFound") {
		err = fs.ErrNotExist
	}
	return fmt.Errorf("s3: %s %s/%s: %w%s", operation, s.bucket, s.prefix+name, err, remedy(err))
}

// remedy returns what to do about an error, or "".
func remedy(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		switch api.ErrorCode() {
		case "NoSuchBucket":
			return "; create the bucket first"
		case "AccessDenied":
			return "; the account needs s3:ListBucket, s3:GetObject, s3:PutObject and s3:DeleteObject"
		}
		return ""
	}
	if strings.Contains(err.Error(), "get credentials") { // the client has no type for it
		return "; name the account with AWS_PROFILE, or with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
	}
	return ""
}
