"""Holds the parsers against h11 and wsproto: the same seeded inputs, well-formed ones and broken ones, to both.

What counts: whatever our parser takes, the other takes as well, and understands the same (method, target, body; kinds and payloads of
messages). What we refuse although the other takes it must have a fault of the list below, each a rule that is ours on purpose.
Usage: compare.py PROGRAM SEED COUNT; prints one JSON object.
"""

import json
import random
import struct
import subprocess
import sys

import h11
from wsproto.frame_protocol import FrameProtocol, Opcode, ParseFailed

# Faults of ours that h11 lets pass: it reads lines that end in LF alone, folds, equal lengths, both framings, any host and method.
STRICTER_HTTP = {
    "request-line", "method", "target", "version", "line-feed", "empty-lines", "header-fold", "host", "host-mismatch",
    "host-repeated", "content-length", "content-length-repeated", "transfer-encoding-version", "length-and-chunked", "expect",
    "control-byte", "chunk-size", "body-bytes", "trailer", "transfer-encoding",
    "transfer-encoding-repeated",
}
# wsproto takes codes of the ranges that nobody has given out, and closes of unknown meaning.
STRICTER_WEBSOCKET = {"close-code"}


def mutated(random_, data, words):
    data = bytearray(data)
    for _ in range(random_.choice([0, 0, 1, 1, 1, 2, 3])):
        at = random_.randrange(len(data) + 1)
        kind = random_.randrange(5)
        if kind == 0 and at < len(data):
            data[at] = random_.randrange(256)
        elif kind == 1:
            del data[at : at + random_.randrange(1, 5)]
        elif kind == 2:
            data[at:at] = random_.choice(words)
        elif kind == 3 and at < len(data):
            data[at] ^= 1 << random_.randrange(8)
        elif kind == 4:
            del data[at:]
    return bytes(data)


# ── HTTP ──

WORDS = [b"\r\n", b"\n", b"\r", b" ", b"\t", b":", b",", b";", b"0", b"5", b"\0", b"Host: g\r\n", b"Content-Length: 5\r\n",
         b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip, chunked\r\n", b"Connection: close\r\n", b"\r\n x: y",
         b"Expect: 100-continue\r\n", b"chunked", b"HTTP/1.0", b"\xc3\xa9", b"0\r\n\r\n", b"X-Y: z \t\r\n", b";a=b"]


def request(random_):
    body = bytes(random_.choice(b"abcdefgh \r\n0123") for _ in range(random_.choice([0, 1, 5, 30])))
    target = random_.choice(["/", "/v1/models?limit=5", "/a%20b?c=d&e", "/x?", "//y", "http://h/z?q", "*"])
    method = random_.choice(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"])
    lines = [f"{method} {target} HTTP/{random_.choice(['1.1', '1.1', '1.1', '1.0'])}", "Host: h"]
    lines += random_.sample(["Accept: */*", "X-A:b", "x-empty:", "User-Agent: a (b; c)", "Connection: keep-alive", "Cookie: a=b; c=d"],
                            random_.randrange(4))
    framing = random_.randrange(3)
    if framing == 1:
        lines.append(f"Content-Length: {len(body)}")
    if framing == 2:
        lines.append("Transfer-Encoding: chunked")
        chunks = b""
        while body:
            size = random_.randrange(1, len(body) + 1)
            chunks += f"{size:x}{random_.choice(['', '', ';a', ';a=b'])}\r\n".encode() + body[:size] + b"\r\n"
            body = body[size:]
        body = chunks + b"0\r\n" + random_.choice([b"", b"", b"T: v\r\n"]) + b"\r\n"
    head = ("\r\n".join(lines) + "\r\n\r\n").encode()
    return head + (body if framing else b"")


def h11_outcome(data):
    # One empty line before a request is to be ignored (RFC 9112 section 2.2); h11 does so with the LF alone.
    data = data.removeprefix(b"\r\n")
    connection = h11.Connection(h11.SERVER)
    try:
        connection.receive_data(data)
        event = connection.next_event()
        if not isinstance(event, h11.Request):
            return ("incomplete",)
        body = b""
        part = connection.next_event()
        while isinstance(part, h11.Data):
            body += bytes(part.data)
            part = connection.next_event()
        if not isinstance(part, h11.EndOfMessage):
            return ("incomplete",)
    except h11.RemoteProtocolError as error:
        return ("refused", str(error))
    return ("whole", bytes(event.method), bytes(event.target), body)


def http_difference(ours, theirs):
    """None, or what is wrong."""
    if ours[0] == b"whole":
        if theirs[0] != "whole":
            return f"taken, but h11 said {theirs}"
        target = theirs[2]
        if b"://" in target.split(b"?")[0]:
            target = b"/" + (target.split(b"//", 1)[1].split(b"/", 1) + [b""])[1]
        if (ours[1], ours[2] + ours[3], ours[4]) != (theirs[1], target, theirs[3]):
            return f"understood as {ours}, by h11 as {theirs}"
    if ours[0] == b"incomplete" and theirs[0] == "whole":
        return f"waits for more, but h11 has {theirs}"
    if ours[0] == b"refused" and theirs[0] == "whole" and ours[1].decode() not in STRICTER_HTTP:
        return f"refused as {ours[1]}, but h11 took it: {theirs}"
    return None


# ── WebSocket ──


def frame(first, payload, mask=b"\x12\x34\x56\x78", second=0x80):
    size = len(payload)
    if size < 126:
        head = bytes([first, second | size])
    elif size < 65536:
        head = bytes([first, second | 126]) + struct.pack(">H", size)
    else:
        head = bytes([first, second | 127]) + struct.pack(">Q", size)
    return head + mask + bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))


def frames(random_):
    text = "".join(random_.choice("abc é€😀") for _ in range(random_.choice([0, 1, 20, 100]))).encode()
    data = bytes(random_.randrange(256) for _ in range(random_.choice([0, 1, 125, 126, 300, 66000])))
    out = b""
    for _ in range(random_.randrange(1, 5)):
        kind = random_.randrange(6)
        if kind == 0:
            out += frame(0x81, text)
        elif kind == 1:
            out += frame(0x82, data)
        elif kind == 2:
            cut = random_.randrange(len(text) + 1)
            out += frame(0x01, text[:cut]) + random_.choice([b"", frame(0x89, b"p")]) + frame(0x80, text[cut:])
        elif kind == 3:
            out += frame(random_.choice([0x89, 0x8A]), text[:100])
        elif kind == 4:
            code = random_.choice([1000, 1001, 1002, 1004, 1005, 1007, 1011, 1015, 1016, 2999, 3000, 4999, 5000, 0])
            out += frame(0x88, random_.choice([b"", b"\x03", struct.pack(">H", code) + text[:60]]))
        else:
            out += frame(random_.randrange(256), text[:10])
    return out


def wsproto_outcome(data):
    protocol = FrameProtocol(client=False, extensions=[])
    messages, held, kind = [], b"", None
    try:
        protocol.receive_bytes(data)
        for part in protocol.received_frames():
            if part.opcode is Opcode.CLOSE:
                code, reason = part.payload
                return messages + [("close", int(code), reason or "")]
            if part.opcode in (Opcode.PING, Opcode.PONG):
                messages.append((part.opcode.name.lower(), bytes(part.payload)))
                continue
            kind = kind or part.opcode
            held += part.payload.encode() if isinstance(part.payload, str) else bytes(part.payload)
            if part.message_finished:
                messages.append(("text" if kind is Opcode.TEXT else "binary", held))
                held, kind = b"", None
    except ParseFailed as error:
        messages.append(("refused", str(error)))
    return messages


def our_messages(fields):
    messages, fields = [], list(fields)
    while fields:
        kind = fields.pop(0).decode()
        if kind == "close":
            messages.append(("close", int(fields.pop(0)), fields.pop(0).decode()))
        else:
            messages.append((kind, fields.pop(0)))
    return messages


def websocket_difference(ours, theirs):
    ours = our_messages(ours)
    if ours and ours[-1][0] == "refused":
        fault = ours[-1][1].decode()
        if theirs[: len(ours) - 1] != ours[:-1]:
            return f"{ours} before a fault, by wsproto {theirs}"
        was_refused = len(theirs) == len(ours) and theirs[-1][0] == "refused"
        # Ours may end earlier: at the first wrong byte of a frame that is not whole yet.
        if not was_refused and len(theirs) >= len(ours) and fault not in STRICTER_WEBSOCKET:
            return f"refused as {fault}, but wsproto took it: {theirs}"
        return None
    return None if ours == theirs else f"{ours}, by wsproto {theirs}"


def fields_of(outcome):
    fields, at = [], 0
    while at < len(outcome):
        size = struct.unpack_from("<I", outcome, at)[0]
        fields.append(outcome[at + 4 : at + 4 + size])
        at += 4 + size
    return fields


def main():
    program, seed, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    random_ = random.Random(seed)
    kinds = {"http": (b"h", request, h11_outcome, http_difference, WORDS),
             "websocket": (b"w", frames, wsproto_outcome, websocket_difference, [b"\x80", b"\xff", b"\x89\x80abcd", b"\0\0\0\0"])}
    report = {}
    for name, (letter, make, other, difference, words) in kinds.items():
        inputs = [mutated(random_, make(random_), words) for _ in range(count)]
        sent = b"".join(letter + struct.pack("<I", len(data)) + data for data in inputs)
        answered = subprocess.run([program], input=sent, stdout=subprocess.PIPE, check=True).stdout
        counts, faults, differences, at = {"taken": 0, "refused": 0, "incomplete": 0}, {}, [], 0
        for data in inputs:
            size = struct.unpack_from("<I", answered, at)[0]
            fields = fields_of(answered[at + 4 : at + 4 + size])
            at += 4 + size
            if b"refused" in fields[-2:-1]:
                counts["refused"] += 1
                faults[fields[-1].decode()] = faults.get(fields[-1].decode(), 0) + 1
            else:
                counts["incomplete" if fields in ([], [b"incomplete"]) else "taken"] += 1
            wrong = difference(fields, other(data))
            if wrong is not None:
                differences.append({"sent": repr(data[:300]), "wrong": wrong[:600]})
        report[name] = {"counts": counts, "faults": faults, "differences": differences[:20], "differing": len(differences)}
    print(json.dumps(report))


main()
