package otlp

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// parseHeaders parses key1=value1,key2=value2 with percent-encoded values. Its errors contain
// no values.
func parseHeaders(text string) (map[string]string, error) {
	headers := map[string]string{}
	for i, pair := range strings.Split(text, ",") {
		if strings.TrimSpace(pair) == "" {
			continue // the specification allows extra commas
		}
		key, value, found := strings.Cut(pair, "=")
		key = strings.TrimSpace(key)
		if !found || key == "" {
			return nil, fmt.Errorf("header %d is not of the form key=value", i+1)
		}
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if err != nil {
			return nil, fmt.Errorf("the value of header %d is not percent-encoded", i+1)
		}
		if _, exists := headers[strings.ToLower(key)]; exists {
			return nil, fmt.Errorf("header %d has the name of an earlier header", i+1)
		}
		headers[strings.ToLower(key)] = value
	}
	return headers, nil
}

// reservedHeaders are set by the exporter.
var reservedHeaders = []string{
	"content-type", "content-length", "content-encoding", "transfer-encoding", "connection", "host", "te", "user-agent",
}

// checkHeaders returns an error for headers that are invalid or reserved. Its errors contain
// no values.
func checkHeaders(headers map[string]string, p protocol) error {
	var errs []error
	for key, value := range headers {
		lower := strings.ToLower(key)
		switch {
		case !httpguts.ValidHeaderFieldName(key):
			errs = append(errs, errors.New("headers: a name is not a valid header name"))
		case slices.Contains(reservedHeaders, lower) || p == protocolGRPC && strings.HasPrefix(lower, "grpc-"):
			errs = append(errs, fmt.Errorf("headers: %s is set by the exporter", lower))
		case p == protocolGRPC && strings.HasSuffix(lower, "-bin"):
			// may have any bytes
		case !httpguts.ValidHeaderFieldValue(value) || !isASCII(value):
			errs = append(errs, fmt.Errorf("headers: the value of %s has invalid characters", lower))
		}
	}
	return errors.Join(errs...)
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > '~' || r < ' ' && r != '\t' })
}
