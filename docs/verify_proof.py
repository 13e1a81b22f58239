#!/usr/bin/env python3
"""Checks that a record was sealed: verify_proof.py PROOF PUBLIC-KEY

PROOF is a file from "deed prove", in the format of C2SP's tlog-proof. PUBLIC-KEY is a text
"name+hash+key", or a file with it. Prints the record, or says why it is not proved. Needs
nothing but Python's standard library; the signature is that of RFC 8032, the hashes are those
of RFC 9162. Written to be read: it is no part of the program that made the proof.
"""
import base64, hashlib, os, sys

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def add(p, q):  # of points in extended coordinates
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiply(n, p):
    q = (0, 1, 1, 0)
    while n:
        if n & 1:
            q = add(q, p)
        p, n = add(p, p), n >> 1
    return q


def point(b):
    y = int.from_bytes(b, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (x * x - x2) % P or (x == 0 and sign):
        sys.exit("not proved: the key or the signature has no point of the curve")
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


BASE = point(bytes.fromhex("58" + "66" * 31))


def signed(key, text, signature):
    r, s = point(signature[:32]), int.from_bytes(signature[32:], "little")
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + text).digest(), "little") % L
    a, b = multiply(s, BASE), add(r, multiply(k, point(key)))
    return s < L and (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


def root(leaf, index, size, path):  # RFC 9162, 2.1.3.2
    fn, sn, h = index, size - 1, leaf
    for p in path:
        if sn == 0:
            return None
        if fn & 1 or fn == sn:
            h = hashlib.sha256(b"\x01" + p + h).digest()
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            h = hashlib.sha256(b"\x01" + h + p).digest()
        fn, sn = fn >> 1, sn >> 1
    return h if sn == 0 else None


def verify(proof, public):
    name, key_hash, key = public.strip().split("+", 2)
    key = base64.b64decode(key)
    want = hashlib.sha256(name.encode() + b"\n" + key).digest()[:4]
    if key[0] != 1 or len(key) != 33 or want.hex() != key_hash:
        sys.exit("the public key is not one of Ed25519")
    head, _, note = proof.partition("\n\n")
    lines = head.split("\n")
    if lines[0] != "c2sp.org/tlog-proof@v1" or not lines[1].startswith("extra ") or not lines[2].startswith("index "):
        sys.exit("the file is not a proof with a record")
    record, index = base64.b64decode(lines[1][6:]), int(lines[2][6:])
    text, _, signatures = note.partition("\n\n")
    text += "\n"
    for line in signatures.splitlines():
        dash, signer, signature = line.split(" ")
        signature = base64.b64decode(signature)
        if dash == "\u2014" and signer == name and signature[:4] == want and signed(key[1:], text.encode(), signature[4:]):
            break
    else:
        sys.exit("not proved: the key has not signed the checkpoint")
    origin, size, tree = text.split("\n")[:3]
    leaf = hashlib.sha256(b"\x00" + record).digest()
    path = [base64.b64decode(line) for line in lines[3:]]
    if not 0 <= index < int(size) or root(leaf, index, int(size), path) != base64.b64decode(tree):
        sys.exit("not proved: the hashes do not lead from the record to the checkpoint")
    return origin, index, int(size), record


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    public_key = open(sys.argv[2]).read() if os.path.exists(sys.argv[2]) else sys.argv[2]
    origin, index, size, record = verify(open(sys.argv[1], encoding="utf-8").read(), public_key)
    print(record.decode())
    print(f"proved: leaf {index} of {size} in {origin}", file=sys.stderr)
