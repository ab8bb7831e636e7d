"""A WHIP publisher that sings a tone and shows a moving picture, and a WHEP viewer that measures what arrives.

Both are `aiortc` behind plain HTTP, so nothing in them knows the LiveKit protocol.
"""

from __future__ import annotations

import asyncio
import fractions
import time
from collections import deque
from typing import Any
from urllib.parse import urljoin

import aiohttp
import aioice.ice
import numpy as np
from aiortc import MediaStreamTrack, RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame, AudioResampler, VideoFrame

from .media import AMPLITUDE, HEARD, RATE, WINDOW, amplitude
from .wait import until

AUDIO_FRAME = RATE // 50  # 20 ms
FPS = 15
SIZE = (320, 240)
VIDEO_CLOCK = 90_000
CONNECT_DEADLINE = 15.0


_addresses = aioice.ice.get_host_addresses


def _addresses_and_loopback(use_ipv4: bool, use_ipv6: bool) -> list[str]:
    """The library leaves out the address that a server under test listens on."""
    return _addresses(use_ipv4, use_ipv6) + ["127.0.0.1"] * use_ipv4


aioice.ice.get_host_addresses = _addresses_and_loopback


class Refused(Exception):
    """The server's answer to an offer that it does not take."""

    def __init__(self, status: int, text: str, headers: Any) -> None:
        super().__init__(f"{status}: {text}")
        self.status, self.text, self.headers = status, text, headers


class Paced(MediaStreamTrack):
    """Gives out frames at the speed of a clock."""

    def __init__(self, kind: str, per_second: float) -> None:
        super().__init__()
        self.kind = kind
        self.each = 1 / per_second
        self.number = 0
        self.began = 0.0

    async def tick(self) -> int:
        if self.readyState != "live":
            raise MediaStreamError
        self.began = self.began or time.monotonic()
        number, self.number = self.number, self.number + 1
        await asyncio.sleep(max(0.0, self.began + number * self.each - time.monotonic()))
        return number


class Tone(Paced):
    def __init__(self, freq: float) -> None:
        super().__init__("audio", RATE / AUDIO_FRAME)
        self.freq = freq

    async def recv(self) -> AudioFrame:
        number = await self.tick()
        at = (np.arange(AUDIO_FRAME) + number * AUDIO_FRAME) / RATE
        samples = (np.sin(2 * np.pi * self.freq * at) * AMPLITUDE * 32767).astype(np.int16)
        frame = AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, number * AUDIO_FRAME, fractions.Fraction(1, RATE)
        return frame


class Picture(Paced):
    """A grey of this brightness, with a bar that moves; with grain every picture is new to the encoder."""

    def __init__(self, brightness: int, grain: int = 0) -> None:
        super().__init__("video", FPS)
        self.brightness = brightness
        self.grain = grain
        self.dice = np.random.default_rng(11)

    async def recv(self) -> VideoFrame:
        number = await self.tick()
        (width, height), bar = SIZE, number * 8 % SIZE[0]
        image = np.full((height, width, 3), self.brightness, dtype=np.uint8)
        image[: height // 4, bar : bar + 16] = 255 - self.brightness
        if self.grain:
            coarse = self.dice.integers(0, self.grain, (height // 8, width // 8), np.uint8)
            image += np.kron(coarse, np.ones((8, 8), np.uint8))[:, :, None]
        frame = VideoFrame.from_ndarray(image, format="rgb24")
        frame.pts, frame.time_base = number * VIDEO_CLOCK // FPS, fractions.Fraction(1, VIDEO_CLOCK)
        return frame


class _Stream:
    """One offer over HTTP, one peer connection."""

    def __init__(self) -> None:
        # Without servers: no look at the world outside. With the usual policy the library sends nothing on the second line
        # of a kind, with one transport from the start it overlooks the addresses in the answer.
        config = RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_COMPAT)
        self.pc = RTCPeerConnection(config)
        self.location = ""
        self.answer = ""
        self.headers: dict[str, str] = {}

    async def start(self, url: str, bearer: str | None = None, *, connect: bool = True) -> Any:
        """Offers, and waits until media is connected. `Refused` when the server does not take the offer."""
        try:
            await self._start(url, bearer)
            if connect:
                await until(lambda: self.state == "connected", CONNECT_DEADLINE, "media of the stream is connected")
        except BaseException:
            await self.pc.close()
            raise
        return self

    async def _start(self, url: str, bearer: str | None) -> None:
        await self.pc.setLocalDescription(await self.pc.createOffer())
        self.headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        headers = {"Content-Type": "application/sdp", **self.headers}
        async with aiohttp.ClientSession() as http:
            async with http.post(url, data=self.pc.localDescription.sdp, headers=headers) as answer:
                text = await answer.text()
                if answer.status != 201:
                    raise Refused(answer.status, text, answer.headers)
                assert answer.content_type == "application/sdp", answer.content_type
                self.location = urljoin(url, answer.headers["Location"])
                self.answer = text
        await self.pc.setRemoteDescription(RTCSessionDescription(text, "answer"))
        self._answered()

    def _answered(self) -> None:
        """The lines are known."""

    @property
    def state(self) -> str:
        """`connected`, …; `closed` or `failed` once the server ended it."""
        return self.pc.connectionState

    async def ended(self, seconds: float) -> float:
        """Waits until the server has ended the connection; answers how long that took."""
        return await until(lambda: self.state in ("closed", "failed"), seconds, "the stream is ended")

    async def delete(self) -> int:
        """DELETE of the session; the status."""
        async with aiohttp.ClientSession() as http:
            async with http.delete(self.location, headers=self.headers) as answer:
                return answer.status

    async def close(self, *, delete: bool = True) -> int | None:
        """Ends it: DELETE (unless told not to), then the connection. The status of the DELETE."""
        status = await self.delete() if delete and self.location else None
        await self.pc.close()
        return status


class Publisher(_Stream):
    """WHIP. Without `tone` no sound, with two values of `brightness` the second picture is the screen."""

    def __init__(self, tone: float | None = 440.0, brightness: tuple[int, ...] = (60,), grain: int = 0) -> None:
        super().__init__()
        tracks = [Tone(tone)] if tone else []
        for track in [*tracks, *(Picture(one, grain) for one in brightness)]:
            self.pc.addTransceiver(track, direction="sendonly")


class Viewer(_Stream):
    """WHEP: one line for sound, `pictures` lines for pictures."""

    def __init__(self, *, sound: bool = True, pictures: int = 1) -> None:
        super().__init__()
        self.frames = [0] * pictures
        """Decoded pictures, by line."""
        self.brightness: list[float | None] = [None] * pictures
        """Mean of the newest picture's lower half, by line."""
        self.last_frame = [0.0] * pictures
        self.last_sound = 0.0
        self.samples: deque[np.ndarray] = deque(maxlen=WINDOW // AUDIO_FRAME)
        self.tasks: list[asyncio.Task[None]] = []
        kinds = ["audio"] * sound + ["video"] * pictures
        self.lines = [self.pc.addTransceiver(kind, direction="recvonly") for kind in kinds]

    def _answered(self) -> None:
        pictures = 0
        for line in self.lines:
            track = line.receiver.track
            if line.kind == "video":
                work, pictures = self._watch(track, pictures), pictures + 1
            else:
                work = self._listen(track)
            self.tasks.append(asyncio.create_task(work))

    async def _listen(self, track: MediaStreamTrack) -> None:
        resampler = AudioResampler(format="s16", layout="mono", rate=RATE)
        while True:
            try:
                frames = resampler.resample(await track.recv())
            except MediaStreamError:
                return
            for frame in frames:
                self.last_sound = time.monotonic()
                self.samples.append(frame.to_ndarray().reshape(-1).astype(np.float32) / 32768)

    async def _watch(self, track: MediaStreamTrack, line: int) -> None:
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            self.frames[line] += 1
            self.last_frame[line] = time.monotonic()
            image = frame.to_ndarray(format="rgb24")
            self.brightness[line] = float(image[image.shape[0] // 2 :].mean())

    def amplitude(self, freq: float) -> float:
        """Of that tone over the last 100 ms, 0..1; 0 while nothing arrives."""
        if len(self.samples) < self.samples.maxlen or time.monotonic() - self.last_sound > 0.3:
            return 0.0
        return amplitude(np.concatenate(self.samples), freq)

    def hears(self, freq: float) -> bool:
        return self.amplitude(freq) > HEARD

    async def until_hears(self, freq: float, seconds: float) -> float:
        return await until(lambda: self.hears(freq), seconds, f"{freq} Hz is heard")

    async def until_silent(self, seconds: float) -> float:
        """Nothing arrives any more, or nothing but silence."""
        quiet = lambda: time.monotonic() - self.last_sound > 0.3 or np.abs(np.concatenate(self.samples)).max() < HEARD
        return await until(quiet, seconds, "silence")

    async def until_sees(self, more: int, seconds: float, line: int = 0) -> float:
        """So many more pictures."""
        target = self.frames[line] + more
        return await until(lambda: self.frames[line] >= target, seconds, f"{more} more pictures")

    async def until_shows(self, brightness: int, seconds: float, line: int = 0) -> float:
        """The picture of a publisher with this brightness."""
        shown = lambda: self.brightness[line] is not None and abs(self.brightness[line] - brightness) < 12
        return await until(shown, seconds, f"a picture of brightness {brightness}")

    async def close(self, *, delete: bool = True) -> int | None:
        status = await super().close(delete=delete)
        await asyncio.gather(*self.tasks, return_exceptions=True)
        return status
