"""A LiveKit client that sings a tone and measures what it hears, on the public Python SDK."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
from livekit import rtc

from .http import User
from .wait import until

RATE = 48_000
FRAME = RATE // 100  # 10 ms
WINDOW = RATE // 10  # 100 ms: shorter would blur neighbouring tones, longer would blur the moment of silence
AMPLITUDE = 0.4
# A tone counts as heard from this share of full scale on. Coding costs little; leakage of another tone is far below.
HEARD = 0.05
CONNECT_DEADLINE = 15.0


class Ear:
    """Listens to one track."""

    def __init__(self, track: rtc.RemoteAudioTrack) -> None:
        self.samples: deque[np.ndarray] = deque(maxlen=WINDOW // FRAME)
        self.last_frame = 0.0
        self.track = track
        self.stream = rtc.AudioStream(track, sample_rate=RATE, num_channels=1, frame_size_ms=10)
        self.log: deque[tuple[float, np.ndarray]] = deque(maxlen=1000)
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        async for event in self.stream:
            frame = np.frombuffer(event.frame.data, dtype=np.int16).astype(np.float32) / 32768
            self.last_frame = time.monotonic()
            self.samples.append(frame)
            self.log.append((self.last_frame, frame))

    def amplitude(self, freq: float) -> float:
        """Of that tone over the last 100 ms, 0..1; 0 while nothing arrives."""
        if len(self.samples) < self.samples.maxlen or time.monotonic() - self.last_frame > 0.2:
            return 0.0
        return amplitude(np.concatenate(self.samples), freq)

    def last_heard(self, freq: float) -> float:
        """When a 20 ms piece last held that tone; 0 = not within the last 10 s."""
        frames = list(self.log)
        for i in range(len(frames) - 1, 0, -1):
            if amplitude(np.concatenate([frames[i - 1][1], frames[i][1]]), freq) > HEARD:
                return frames[i][0]
        return 0.0

    async def close(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.stream.aclose()


def amplitude(signal: np.ndarray, freq: float) -> float:
    """Amplitude of one frequency in a signal (one bin of a Hann-windowed Fourier transform)."""
    window = np.hanning(len(signal))
    wave = np.exp(-2j * np.pi * freq * np.arange(len(signal)) / RATE)
    return float(abs(np.sum(signal * window * wave)) * 2 / np.sum(window))


class Client:
    """One person in a channel."""

    def __init__(self, user: User, room_id: str) -> None:
        self.user, self.room_id = user, room_id
        self.name = user.name
        self.room = rtc.Room()
        self.ears: dict[str, Ear] = {}  # identity of the speaker → newest track
        self.disconnected: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.events: list[tuple[str, Any]] = []
        self.data: list[rtc.DataPacket] = []
        self._tone: asyncio.Task | None = None
        self._source: rtc.AudioSource | None = None
        self._closing: set[asyncio.Task] = set()
        self.publication: rtc.LocalTrackPublication | None = None

        @self.room.on("track_subscribed")
        def _subscribed(track, publication, participant):
            if track.kind == rtc.TrackKind.KIND_AUDIO:
                self._drop(participant.identity)
                self.ears[participant.identity] = Ear(track)

        @self.room.on("track_unsubscribed")
        def _unsubscribed(track, publication, participant):
            self.events.append(("track_unsubscribed", participant.identity))

        @self.room.on("local_track_unpublished")
        def _unpublished(publication):
            self.events.append(("local_track_unpublished", publication.sid))

        @self.room.on("data_received")
        def _data(packet):
            self.data.append(packet)

        @self.room.on("disconnected")
        def _disconnected(reason):
            if not self.disconnected.done():
                self.disconnected.set_result(reason)

        for name in ("reconnecting", "reconnected", "token_refreshed"):
            self.room.on(name, lambda *_, name=name: self.events.append((name, None)))

    def _drop(self, identity: str) -> None:
        old = self.ears.pop(identity, None)
        if old:
            task = asyncio.create_task(old.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def connect(self, *, token: str | None = None, url: str | None = None, options: rtc.RoomOptions | None = None) -> Client:
        """Joins with what `getRtcAuthToken` answers, or with the given token."""
        if token is None:
            answer = (await asyncio.to_thread(self.user.rtc, self.room_id)).ok()
            token, url = answer["auth_token"], answer["rtc_url"]
        await asyncio.wait_for(self.room.connect(url, token, options or rtc.RoomOptions()), CONNECT_DEADLINE)
        return self

    @property
    def me(self) -> rtc.LocalParticipant:
        return self.room.local_participant

    async def sing(self, freq: float, seconds: float = 12) -> rtc.LocalTrackPublication:
        """Publishes a microphone track with a tone, until `hush` or the end."""
        source = unqueued()
        track = rtc.LocalAudioTrack.create_audio_track(f"tone-{freq:.0f}", source)
        # Without DTX: an encoder may take an even tone for background noise and stop sending.
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE, dtx=False, red=False)
        self._source = source
        self._tone = asyncio.create_task(_feed(source, freq))
        try:
            self.publication = await asyncio.wait_for(self.me.publish_track(track, options), seconds)
        except BaseException:
            await self.hush()
            raise
        return self.publication

    async def hush(self) -> None:
        """Stops feeding the tone; the track stays."""
        if self._tone:
            self._tone.cancel()
            await asyncio.gather(self._tone, return_exceptions=True)
            self._tone = None

    def hears(self, speaker: Client | str, freq: float) -> bool:
        name = speaker if isinstance(speaker, str) else speaker.name
        ear = self.ears.get(name)
        return ear is not None and ear.amplitude(freq) > HEARD

    def hears_only(self, speaker: Client, freq: float, wrong: list[float]) -> bool:
        """Whether that speaker's track carries this tone now, and the wrong ones at most at a tenth of it."""
        ear = self.ears.get(speaker.name)
        if ear is None:
            return False
        own = ear.amplitude(freq)
        return own > HEARD and all(ear.amplitude(f) < own / 10 for f in wrong)

    def listens_to(self, speaker: Client, sid: str) -> bool:
        """Whether the newest track of that speaker that reached us is this one."""
        ear = self.ears.get(speaker.name)
        return ear is not None and ear.track.sid == sid

    async def wait_hears(self, speaker: Client, freq: float, seconds: float = 10) -> float:
        return await until(lambda: self.hears(speaker, freq), seconds, f"{self.name} hears {speaker.name} at {freq} Hz")

    def last_heard(self, speaker: Client, freq: float) -> float:
        ear = self.ears.get(speaker.name)
        return ear.last_heard(freq) if ear else 0.0

    async def packets(self, speaker: Client) -> int:
        """RTP packets received so far of that speaker's audio."""
        ear = self.ears.get(speaker.name)
        if ear is None:
            return 0
        for one in await ear.track.get_stats():
            if one.HasField("inbound_rtp"):
                return one.inbound_rtp.received.packets_received
        return 0

    def sees_track_of(self, speaker: Client | str) -> bool:
        name = speaker if isinstance(speaker, str) else speaker.name
        other = self.room.remote_participants.get(name)
        return other is not None and bool(other.track_publications)

    async def close(self) -> None:
        await self.hush()
        for ear in list(self.ears.values()):
            await ear.close()
        self.ears.clear()
        if self._closing:
            await asyncio.gather(*self._closing, return_exceptions=True)
        await self.room.disconnect()
        if self._source:
            await self._source.aclose()
            self._source = None


def unqueued() -> rtc.AudioSource:
    """A source without a queue: the thread of a queue may hang the process when the source is closed. So `paced` sets the pace."""
    return rtc.AudioSource(RATE, 1, queue_size_ms=0)


async def paced(source: rtc.AudioSource, samples: Callable[[int], np.ndarray]) -> None:
    """Feeds 10 ms every 10 ms; `samples` makes them from the number of the first one. A late frame makes no slower sound."""
    n, begun = 0, time.monotonic()
    while True:
        await source.capture_frame(rtc.AudioFrame(samples(n).astype(np.int16).tobytes(), RATE, 1, FRAME))
        n += FRAME
        await asyncio.sleep(max(0.0, begun + n / RATE - time.monotonic()))


async def _feed(source: rtc.AudioSource, freq: float) -> None:
    await paced(source, lambda n: np.sin(2 * np.pi * freq * (np.arange(FRAME) + n) / RATE) * AMPLITUDE * 32767)


class Stage:
    """Clients of one test, closed together."""

    def __init__(self) -> None:
        self.clients: list[Client] = []

    async def __aenter__(self) -> Stage:
        return self

    async def enter(self, user: User, room_id: str, **kw: Any) -> Client:
        client = Client(user, room_id)
        self.clients.append(client)
        return await client.connect(**kw)

    async def __aexit__(self, *exc: object) -> None:
        await asyncio.gather(*(c.close() for c in self.clients), return_exceptions=True)


async def stays_unheard(clients: list[Client], speaker: Client | str, freq: float, seconds: float = 1.0) -> None:
    """Fails as soon as anyone of `clients` hears the speaker within that time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for client in clients:
            assert not client.hears(speaker, freq), f"{client.name} hears {speaker}"
        await asyncio.sleep(0.05)


# The SDK waits 10 s for an announcement to be confirmed and does not read a refusal, so a refused `sing` only times out.
REFUSAL_SECONDS = 3.0


async def refused(client: Client, observers: list[Client], freq: float) -> None:
    """Tries to publish; fails if that works for anybody."""
    try:
        await client.sing(freq, REFUSAL_SECONDS)
    except (rtc.participant.PublishTrackError, asyncio.TimeoutError):
        pass
    else:
        raise AssertionError(f"{client.name} could publish")
    for other in observers:
        assert not other.sees_track_of(client)
    await stays_unheard(observers, client, freq, 0.5)
