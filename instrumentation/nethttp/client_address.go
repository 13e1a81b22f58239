package audithttp

import (
	"net"
	"net/netip"
	"slices"
	"strings"
)

// peerAddress returns the address of the other end of a connection: without the
// port, the zone, or the IPv6 form of an IPv4 address. The name of a socket that
// is not on a network is returned as it is; most clients of one have none.
func peerAddress(remote string) string {
	if remote == "@" {
		return "" // how Go writes that there is no name
	}
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	if strings.IndexByte(host, ':') < 0 {
		return host
	}
	if addr, err := netip.ParseAddr(host); err == nil && (addr.Is4In6() || addr.Zone() != "") {
		return canonical(addr).String()
	}
	return host
}

// clientAddress returns the address of the client. X-Forwarded-For is read from
// the right, where each proxy adds the address that it was called from, and each
// entry is believed only as long as everything to the right of it, and the peer,
// is a trusted proxy. The first address that is not one is the client; where all
// are, it is the first of the header.
//
// An entry that is no address is not believed, and nothing to the left of it is:
// the client is then the last proxy, which is as far as the way is known.
func clientAddress(peer string, forwarded []string, proxies []netip.Prefix) string {
	if len(forwarded) == 0 || len(proxies) == 0 {
		return peer
	}
	client, err := netip.ParseAddr(peer)
	if err != nil || !contain(proxies, client) {
		return peer
	}
	for _, line := range slices.Backward(forwarded) {
		for more := true; more; {
			entry := line
			if at := strings.LastIndexByte(line, ','); at >= 0 {
				line, entry = line[:at], line[at+1:]
			} else {
				more = false
			}
			addr, ok := forwardedAddress(entry)
			if !ok {
				return client.String()
			}
			client = addr
			if !contain(proxies, client) {
				return client.String()
			}
		}
	}
	return client.String()
}

// forwardedAddress reads one entry of X-Forwarded-For: an address, or one with
// brackets or a port, as some proxies write it.
func forwardedAddress(entry string) (netip.Addr, bool) {
	entry = strings.Trim(entry, " \t")
	if addr, err := netip.ParseAddr(entry); err == nil {
		return canonical(addr), true
	}
	if withPort, err := netip.ParseAddrPort(entry); err == nil {
		return canonical(withPort.Addr()), true
	}
	if inner, ok := strings.CutPrefix(entry, "["); ok {
		if inner, ok = strings.CutSuffix(inner, "]"); ok {
			if addr, err := netip.ParseAddr(inner); err == nil && addr.Is6() {
				return canonical(addr), true
			}
		}
	}
	return netip.Addr{}, false
}

// canonical returns the one form of an address that is compared and recorded.
func canonical(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }

// canonicalPrefix is canonical for the networks of proxies.
func canonicalPrefix(p netip.Prefix) netip.Prefix {
	const mapped = 96 // bits ahead of an IPv4 address within an IPv6 one
	if p.Addr().Is4In6() && p.Bits() >= mapped {
		return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-mapped)
	}
	return p
}

func contain(prefixes []netip.Prefix, addr netip.Addr) bool {
	for _, p := range prefixes {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}
