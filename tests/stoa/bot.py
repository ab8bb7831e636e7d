"""A client in a process of its own, so that a test can kill it: `python -m stoa.bot URL TOKEN [FREQUENCY]`.

Prints `connected`, and `publishing` when a tone was asked for, then stays until it is killed.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path


class Bot:
    """Starts and kills such a process."""

    def __init__(self, url: str, token: str, freq: float | None = None) -> None:
        command = [sys.executable, "-m", "stoa.bot", url, token] + ([str(freq)] if freq else [])
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=Path(__file__).resolve().parent.parent)
        self.want = "publishing" if freq else "connected"

    async def ready(self, seconds: float = 20) -> None:
        async def lines() -> None:
            while True:
                line = await asyncio.to_thread(self.process.stdout.readline)
                assert line, "the bot ended early"
                if line.strip() == self.want:
                    return

        await asyncio.wait_for(lines(), seconds)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


async def main() -> None:
    from livekit import rtc

    from stoa.media import _feed, unqueued

    url, token, *freq = sys.argv[1:]
    room = rtc.Room()
    await room.connect(url, token)
    print("connected", flush=True)
    if freq:
        source = unqueued()
        feeding = asyncio.create_task(_feed(source, float(freq[0])))
        track = rtc.LocalAudioTrack.create_audio_track("tone", source)
        await room.local_participant.publish_track(track, rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE, dtx=False, red=False))
        print("publishing", flush=True)
        await feeding
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
