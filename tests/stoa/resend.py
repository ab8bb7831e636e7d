"""A WHIP publisher whose pictures are sent again, padded, doubled on the way, or lost and repaired, and which counts what it sent how.

It works on the datagrams of `aiortc`, below its sender and (for doubles) below its encryption.
"""

from __future__ import annotations

import re
import struct
import time
from collections import deque
from dataclasses import dataclass, field

from .streams import Publisher

PADDING = 200
# Longest packet that the library encrypts.
LONGEST = 1300
HISTORY = 512
LOSE_EVERY = 5


@dataclass
class Ways:
    """What happens to the pictures' packets besides being sent."""

    again: int = 0
    """So many retransmissions of each that nobody asked for."""
    padding: int = 0
    """So many packets of nothing but padding after each, and padding at its own end where that fits a datagram."""
    double: bool = False
    """Every datagram arrives twice."""
    lose: bool = False
    """Some are lost at first; what the server asks for is sent again."""


@dataclass
class Sent:
    """Bytes and frames that went out, and when."""

    once: deque[tuple[float, int, int]] = field(default_factory=lambda: deque(maxlen=20_000))
    """Payloads of pictures, each counted once: time, bytes, RTP timestamp."""
    again: int = 0
    padding: int = 0
    tails: int = 0
    """Packets of pictures that ended in padding."""
    doubled: int = 0
    lost: int = 0
    repaired: int = 0

    def rate(self, seconds: float) -> tuple[float, float]:
        """kbit/s and frames/s of the newest so many seconds, each packet once."""
        begin = time.monotonic() - seconds
        new = [(size, stamp) for at, size, stamp in self.once if at >= begin]
        return sum(size for size, _ in new) * 8 / 1000 / seconds, len({stamp for _, stamp in new}) / seconds


class Resender(Publisher):
    """Set `ways` at any time."""

    def __init__(self, tone: float | None = 440.0) -> None:
        super().__init__(tone, (100,), grain=40)
        self.ways, self.sent = Ways(), Sent()
        self.shift = 0  # padding takes numbers of its own
        self.rtx_number = 1000
        self.history: dict[int, bytes] = {}
        self.media = 0

    def _answered(self) -> None:
        self.sender = next(t.sender for t in self.pc.getTransceivers() if t.kind == "video")
        self.sender._retransmit = self._repair
        codecs = dict(re.findall(r"a=fmtp:(\d+) .*?apt=(\d+)", self.answer))
        self.rtx_types = {int(main): int(rtx) for rtx, main in codecs.items()}
        dtls = self.sender.transport
        self.protect, dtls._send_rtp = dtls._send_rtp, self._send_rtp
        ice = dtls.transport
        self.datagram, ice._send = ice._send, self._send

    async def _send(self, data: bytes) -> None:
        await self.datagram(data)
        # RTP and RTCP only: DTLS and STUN have their own rules for doubles.
        if self.ways.double and 128 <= data[0] <= 191:
            await self.datagram(data)
            self.sent.doubled += 1

    async def _send_rtp(self, data: bytes) -> None:
        if 192 <= data[1] <= 223 or struct.unpack_from("!L", data, 8)[0] != self.sender._ssrc:
            return await self.protect(data)
        ways, head = self.ways, header_length(data)
        (number,) = struct.unpack_from("!H", data, 2)
        number = (number + self.shift) & 0xFFFF
        packet = renumbered(data, number)
        self.history[number] = packet
        self.history.pop((number - HISTORY) & 0xFFFF, None)
        self.sent.once.append((time.monotonic(), len(data) - head, struct.unpack_from("!L", data, 4)[0]))
        self.media += 1
        if ways.lose and self.media % LOSE_EVERY == 0:
            self.sent.lost += 1
        elif ways.padding and len(packet) + PADDING <= LONGEST:
            self.sent.tails += 1
            await self.protect(padded(packet))
        else:
            await self.protect(packet)
        for _ in range(ways.again):
            self.sent.again += await self._again(packet)
        for _ in range(ways.padding):
            self.shift += 1
            number = (number + 1) & 0xFFFF
            # Without marker, extensions and payload.
            empty = bytes([0x80, data[1] & 0x7F]) + struct.pack("!H", number) + data[4:12]
            await self.protect(padded(empty))
            self.sent.padding += PADDING
        return None

    async def _repair(self, number: int) -> None:
        """The server asks for a packet."""
        if number in self.history:
            await self._again(self.history[number])
            self.sent.repaired += 1

    async def _again(self, packet: bytes) -> int:
        """RFC 4588: on a stream of its own, with the original's number before its payload."""
        head = header_length(packet)
        self.rtx_number = (self.rtx_number + 1) & 0xFFFF
        kind = (packet[1] & 0x80) | self.rtx_types[packet[1] & 0x7F]
        top = packet[:1] + bytes([kind]) + struct.pack("!H", self.rtx_number) + packet[4:8] + struct.pack("!L", self.sender._rtx_ssrc)
        await self.protect(top + packet[12:head] + packet[2:4] + packet[head:])
        return len(packet) - head


def header_length(packet: bytes) -> int:
    """Of an RTP packet, with its extensions."""
    length = 12 + 4 * (packet[0] & 0x0F)
    if packet[0] & 0x10:
        length += 4 + 4 * struct.unpack_from("!H", packet, length + 2)[0]
    return length


def renumbered(packet: bytes, number: int) -> bytes:
    return packet[:2] + struct.pack("!H", number) + packet[4:]


def padded(packet: bytes) -> bytes:
    return bytes([packet[0] | 0x20]) + packet[1:] + bytes(PADDING - 1) + bytes([PADDING])
