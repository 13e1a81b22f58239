package collector

// section is a section of the collector's configuration.
type section = map[string]any

// config returns the configuration of a collector that listens on the addresses.
func (s *settings) config(grpc, http string) section {
	exporter := "debug" // logs below the configured level, so it prints nothing
	exporters := section{exporter: section{}}
	if s.sink != "" {
		exporter = "otlp_http"
		exporters = section{exporter: section{
			"endpoint":    s.sink,
			"compression": "none",
			// Without a queue the collector responds after the sink has. It retries for a
			// short time only, so that a client soon learns of a sink that keeps refusing.
			"sending_queue": section{"enabled": false},
			"retry_on_failure": section{
				"enabled": true, "initial_interval": "10ms", "max_interval": "50ms", "max_elapsed_time": "300ms",
			},
		}}
	}
	return section{
		"receivers": section{"otlp": section{"protocols": section{"grpc": s.server(grpc), "http": s.server(http)}}},
		"exporters": exporters,
		"service": section{"pipelines": section{
			"logs": section{"receivers": []string{"otlp"}, "exporters": []string{exporter}},
		}},
	}
}

// server returns the configuration of a server on the address.
func (s *settings) server(address string) section {
	server := section{"endpoint": address}
	if s.certificates != nil {
		tls := section{"cert_file": s.certificates.ServerCert, "key_file": s.certificates.ServerKey}
		if s.mutual {
			tls["client_ca_file"] = s.certificates.CA
		}
		server["tls"] = tls
	}
	return server
}
