package archive

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
)

// Location says where archives are: in a directory, or in a bucket of Amazon S3 or of a
// service with its protocol. It has no credentials.
type Location struct {
	// Dir is the path of the directory, or empty for a bucket.
	Dir string
	// Bucket is the name of the bucket, and Prefix what the keys of its objects start with.
	Bucket, Prefix string
	// Endpoint is the URL of the service, and Region its region. They are empty if the
	// environment says so.
	Endpoint, Region string
	// PathStyle reports that the bucket is in the path of a request, and not in the name of
	// its host.
	PathStyle bool
}

// The errors of ParseLocation. They don't quote the text, which may have a secret in the wrong
// place.
var (
	errScheme      = errors.New("archive: archives are in a directory, or at a URL such as s3://bucket/prefix")
	errBucket      = errors.New("archive: the URL of a bucket is s3://bucket/prefix, with the parameters endpoint, region and path_style")
	errCredentials = errors.New("archive: the URL of a bucket has no credentials; they come from the environment, such as AWS_PROFILE, or from the machine's role")
	errEndpoint    = errors.New("archive: endpoint is not the URL of a service, such as https://s3.example.com:9000")
)

// ParseLocation parses the path of a directory, or a URL such as
//
//	s3://audit-archives/shop
//	s3://audit-archives/shop?endpoint=https://s3.example.com:9000&region=eu-1
//
// Its parameters are endpoint, region and path_style, which is true by default if there is an
// endpoint. The error does not quote the text.
func ParseLocation(text string) (Location, error) {
	scheme, _, found := strings.Cut(text, "://")
	switch {
	case text == "", found && scheme != "s3":
		return Location{}, errScheme
	case !found:
		return Location{Dir: text}, nil
	}
	u, err := url.Parse(text)
	if err != nil { // it quotes the text
		return Location{}, errBucket
	}
	parameters, err := url.ParseQuery(u.RawQuery)
	switch {
	case u.User != nil:
		return Location{}, errCredentials
	case err != nil, u.Hostname() == "", u.Port() != "", u.Fragment != "":
		return Location{}, errBucket
	}
	l := Location{Bucket: u.Hostname(), Prefix: strings.Trim(u.Path, "/")}
	if l.Prefix != "" && !ValidName(l.Prefix) {
		return Location{}, errBucket
	}
	l.Endpoint, l.Region, l.PathStyle = parameters.Get("endpoint"), parameters.Get("region"), parameters.Has("endpoint")
	if err := checkEndpoint(l.Endpoint); err != nil {
		return Location{}, err
	}
	for name, values := range parameters {
		switch {
		case len(values) != 1 || values[0] == "":
			return Location{}, errBucket
		case name == "path_style":
			if l.PathStyle, err = strconv.ParseBool(values[0]); err != nil {
				return Location{}, errBucket
			}
		case name != "endpoint" && name != "region":
			return Location{}, errBucket
		}
	}
	return l, nil
}

// checkEndpoint rejects what is not the URL of a service. An empty one is accepted.
func checkEndpoint(text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "", u.RawQuery != "", u.Fragment != "":
		return errEndpoint
	case u.User != nil:
		return errCredentials
	}
	return nil
}

// String returns the path of the directory, or the URL of the bucket without its parameters.
func (l Location) String() string {
	if l.Bucket == "" {
		return l.Dir
	}
	return strings.TrimSuffix("s3://"+l.Bucket+"/"+l.Prefix, "/")
}
