package request

import (
	"net"
	"net/netip"
	"slices"
	"strings"
)

// Proxies is a set of proxies whose X-Forwarded-For header is trusted. The zero value is
// empty: the client is then the peer.
type Proxies struct{ prefixes []netip.Prefix }

// Add adds the proxies in the given networks.
func (p *Proxies) Add(networks ...netip.Prefix) {
	for _, network := range networks {
		p.prefixes = append(p.prefixes, canonicalPrefix(network))
	}
}

func (p *Proxies) contains(addr netip.Addr) bool {
	for _, prefix := range p.prefixes {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// clientAddress returns the address of the client. It reads X-Forwarded-For from the
// right, where each proxy adds the address that called it, and trusts an entry only if
// the peer and everything to the right of the entry are trusted proxies. The first
// address that is not a trusted proxy is the client; if all are, it is the leftmost one.
//
// An entry that is not an address is not trusted, and neither is anything to the left of
// it. The client is then the last proxy before that entry.
func (p *Proxies) clientAddress(peer string, forwardedFor []string) string {
	if len(forwardedFor) == 0 || len(p.prefixes) == 0 {
		return peer
	}
	client, err := netip.ParseAddr(peer)
	if err != nil || !p.contains(client) {
		return peer
	}
	for _, line := range slices.Backward(forwardedFor) {
		for more := true; more; {
			entry := line
			if comma := strings.LastIndexByte(line, ','); comma >= 0 {
				line, entry = line[:comma], line[comma+1:]
			} else {
				more = false
			}
			addr, ok := forwardedAddress(entry)
			if !ok {
				return client.String()
			}
			client = addr
			if !p.contains(client) {
				return client.String()
			}
		}
	}
	return client.String()
}

// peerAddress returns the address of a peer without the port, the zone, or the IPv6 form
// of an IPv4 address. The name of a socket outside of a network is returned unchanged;
// most clients of such a socket have none.
func peerAddress(remote string) string {
	if remote == "@" {
		return "" // an unnamed Unix socket
	}
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	if strings.IndexByte(host, ':') < 0 {
		return host
	}
	if addr, err := netip.ParseAddr(host); err == nil && (addr.Is4In6() || addr.Zone() != "") {
		return canonicalAddr(addr).String()
	}
	return host
}

// forwardedAddress parses one entry of X-Forwarded-For: an address, with or without
// brackets or a port, since proxies differ.
func forwardedAddress(entry string) (netip.Addr, bool) {
	entry = strings.Trim(entry, " \t")
	if addr, err := netip.ParseAddr(entry); err == nil {
		return canonicalAddr(addr), true
	}
	if withPort, err := netip.ParseAddrPort(entry); err == nil {
		return canonicalAddr(withPort.Addr()), true
	}
	if inner, ok := strings.CutPrefix(entry, "["); ok {
		if inner, ok = strings.CutSuffix(inner, "]"); ok {
			if addr, err := netip.ParseAddr(inner); err == nil && addr.Is6() {
				return canonicalAddr(addr), true
			}
		}
	}
	return netip.Addr{}, false
}

// canonicalAddr returns the form of an address that is compared and recorded.
func canonicalAddr(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }

// canonicalPrefix returns the form of a network that is compared with canonical addresses.
func canonicalPrefix(p netip.Prefix) netip.Prefix {
	const mapped = 96 // bits before an IPv4 address in its IPv6 form
	if p.Addr().Is4In6() && p.Bits() >= mapped {
		return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-mapped)
	}
	return p
}
