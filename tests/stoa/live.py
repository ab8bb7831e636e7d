"""A participant of any channel on the public SDK: known sound, known pictures, and what the server told it."""

from __future__ import annotations

import asyncio
import json
import time
from types import SimpleNamespace
from typing import Any

import numpy as np
from livekit import rtc

from .media import FRAME, Client, Stage, paced, unqueued
from .talk import NOTICE, TEXT, ULID
from .wait import until

__all__ = ["Gate", "Live", "Meter", "Stage"]


class Live(Client):
    """A client that needs no account, only a token."""

    def __init__(self, identity: str, channel: str) -> None:
        super().__init__(SimpleNamespace(name=identity), channel)
        self.tasks: list[asyncio.Task] = []
        self.sources: list[Any] = []
        self.unpublished: list[tuple[float, str]] = []

        @self.room.on("track_unpublished")
        def _unpublished(publication, participant):
            self.unpublished.append((time.monotonic(), participant.identity))

    # -- what the server told -----------------------------------------------------------------

    def told(self, topic: str, **fields: Any) -> list[dict]:
        """Messages of that topic that carry these fields. All are of nobody and of the common form."""
        out = []
        for packet in [p for p in self.data if p.topic == topic]:
            assert packet.participant is None, "a notice with a sender"
            body = json.loads(packet.data.decode())
            assert ULID.fullmatch(body["id"]) and body["channel_id"] == self.room_id, body
            assert abs(body["ts"] / 1000 - time.time()) < 600 and type(body["user_id"]) is str, body
            if all(body.get(k) == v for k, v in fields.items()):
                out.append(body)
        return out

    def notices(self, event: str, **fields: Any) -> list[dict]:
        return self.told(NOTICE, event=event, **fields)

    def texts(self, **fields: Any) -> list[dict]:
        return self.told(TEXT, event="message", **fields)

    async def notice(self, event: str, seconds: float = 5, **fields: Any) -> dict:
        """The first such notice; waits for it."""
        await until(lambda: self.notices(event, **fields), seconds, f"notice {event} {fields} at {self.name!r}")
        return self.notices(event, **fields)[0]

    async def text(self, content: str, seconds: float = 5) -> dict:
        await until(lambda: self.texts(content=content), seconds, f"text at {self.name!r}")
        return self.texts(content=content)[0]

    def shows(self, identity: str) -> dict[str, str]:
        """The `stoa.*` attributes of somebody as we see them."""
        who = self.me if identity == self.name else self.room.remote_participants.get(identity)
        return {k: v for k, v in who.attributes.items() if k.startswith("stoa.")} if who else {}

    async def sees(self, who: str, **attributes: str) -> None:
        """Waits until somebody's attributes (without the `stoa.`) are these."""
        want = {f"stoa.{k}": v for k, v in attributes.items()}
        await until(lambda: want.items() <= self.shows(who).items(), 5, f"{who!r} with {want} at {self.name!r}")

    # -- known media --------------------------------------------------------------------------

    async def microphone(self, *, silent: bool = False, dtx: bool = False, bitrate: int = 32_000, source: int = rtc.TrackSource.SOURCE_MICROPHONE) -> rtc.LocalTrackPublication:
        """An audio track that goes on until the end: noise of an even rate, or silence."""
        out = unqueued()
        self.sources.append(out)
        dice = np.random.default_rng(7)
        quiet = np.zeros(FRAME, np.int16)
        self.tasks.append(asyncio.create_task(paced(out, lambda _: quiet if silent else dice.integers(-8000, 8000, FRAME, np.int16))))
        track = rtc.LocalAudioTrack.create_audio_track("mic", out)
        options = rtc.TrackPublishOptions(source=source, dtx=dtx, red=False)
        options.audio_encoding.max_bitrate = bitrate
        return await asyncio.wait_for(self.me.publish_track(track, options), 12)

    async def camera(self, *, fps: int = 15, bitrate: int = 300_000, width: int = 320, height: int = 180, simulcast: bool = False,
                     source: int = rtc.TrackSource.SOURCE_CAMERA) -> rtc.LocalTrackPublication:
        """A video track of that many frames per second; its pictures are noise, so that the encoder uses its whole rate."""
        out = rtc.VideoSource(width, height)
        self.sources.append(out)
        dice = np.random.default_rng(11)
        grain = np.ones((8, 8), np.uint8)
        pictures = []
        for _ in range(8):
            # Faint and coarse enough that no frame has to be left out to keep the rate.
            coarse = dice.integers(110, 150, (height // 8 + 1, width // 8 + 1), np.uint8)
            luma = np.kron(coarse, grain)[:height, :width]
            pictures.append(luma.tobytes() + bytes([128]) * (width * height // 2))

        async def feed() -> None:
            n, begun = 0, time.monotonic()
            while True:
                out.capture_frame(rtc.VideoFrame(width, height, rtc.VideoBufferType.I420, pictures[n % len(pictures)]))
                n += 1
                # Against the clock, so that a late frame makes no slower camera.
                await asyncio.sleep(max(0.0, begun + n / fps - time.monotonic()))

        self.tasks.append(asyncio.create_task(feed()))
        track = rtc.LocalVideoTrack.create_video_track("camera", out)
        options = rtc.TrackPublishOptions(
            source=source, simulcast=simulcast, video_codec=rtc.VideoCodec.VP8, video_encoding=rtc.VideoEncoding(max_bitrate=bitrate, max_framerate=fps),
        )
        return await asyncio.wait_for(self.me.publish_track(track, options), 12)

    async def stop_feeding(self) -> None:
        """Nothing more goes out; the tracks stay published and unmuted."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.tasks.clear()

    async def close(self) -> None:
        await self.stop_feeding()
        await super().close()
        for source in self.sources:
            await source.aclose()


class Meter:
    """What a track's sender says that it sent (its own WebRTC statistics), sampled over time."""

    def __init__(self, publication: rtc.LocalTrackPublication) -> None:
        self.track = publication.track
        self.samples: list[tuple[float, dict[str, tuple[int, int]]]] = []

    async def sample(self) -> None:
        """By layer: payload bytes without retransmissions, and frames."""
        layers = {}
        for one in await self.track.get_stats():
            if one.HasField("outbound_rtp"):
                out = one.outbound_rtp
                layers[out.outbound.rid] = (out.sent.bytes_sent - out.outbound.retransmitted_bytes_sent, out.outbound.frames_sent)
        self.samples.append((time.monotonic(), layers))

    def rate(self, seconds: float, rid: str | None = None) -> tuple[float, float]:
        """kbit/s and frames/s over the newest so many seconds."""
        (end, last) = self.samples[-1]
        (begin, first) = max((s for s in self.samples if s[0] <= end - seconds), key=lambda s: s[0])
        rids = [rid] if rid is not None else list(last)
        bits = sum(last[r][0] - first.get(r, (0, 0))[0] for r in rids) * 8
        frames = max((last[r][1] - first.get(r, (0, 0))[1] for r in rids), default=0)
        return bits / 1000 / (end - begin), frames / (end - begin)


class Gate:
    """A TCP relay in front of signalling. Closed, it cuts what is open and holds whoever comes; media goes another way."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.way = asyncio.Event()
        self.way.set()
        self.waiting = asyncio.Event()
        self.pipes: set[asyncio.StreamWriter] = set()
        self.tasks: set[asyncio.Task] = set()

    async def __aenter__(self) -> Gate:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.close()
        self.server.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def close(self) -> None:
        """`waiting` is set when somebody comes."""
        self.way.clear()
        for writer in self.pipes:
            writer.close()
        self.pipes.clear()

    def open(self) -> None:
        self.way.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        if not self.way.is_set():
            self.waiting.set()
            await self.way.wait()
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", self.target)
        self.pipes |= {writer, to_writer}

        async def copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            try:
                while data := await source.read(65536):
                    sink.write(data)
                    await sink.drain()
            except OSError:
                pass
            finally:
                sink.close()

        await asyncio.gather(copy(reader, to_writer), copy(to_reader, writer))
        self.pipes -= {writer, to_writer}
