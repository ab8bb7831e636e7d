import { useEffect, useRef } from "react";
import type { Picture } from "../../class/media-port";
import type { Tile } from "../../class/state";
import { words } from "../../text/class";
import { Avatar } from "../../ui/Avatar";
import { MicIcon, MicOffIcon } from "../../ui/icons";

interface VideosProps {
  tiles: readonly Tile[];
  me: string;
  /** There is a connection: whoever is not in it is away. */
  known: boolean;
}

/** A grid that is as square as it can be: nine on stage and the teacher are four in a row. */
export function columnsFor(count: number): number {
  return Math.min(4, Math.max(1, Math.ceil(Math.sqrt(count))));
}

/** The teacher and everybody on stage. */
export function Videos({ tiles, me, known }: VideosProps) {
  return (
    <section
      className="class-videos"
      aria-label={words.video.label}
      data-count={tiles.length}
      data-columns={columnsFor(tiles.length)}
    >
      <ul>
        {tiles.map((tile) => (
          <VideoTile key={tile.user} tile={tile} mine={tile.user === me} known={known} />
        ))}
      </ul>
    </section>
  );
}

function VideoTile({ tile, mine, known }: { tile: Tile; mine: boolean; known: boolean }) {
  const { user, name, teacher, person } = tile;
  const camera = person?.camera ?? null;
  return (
    <li
      className="class-tile"
      data-user={user}
      data-teacher={teacher || undefined}
      data-speaking={person?.speaking || undefined}
      data-away={person === null || undefined}
    >
      {camera !== null ? (
        <Video picture={camera} label={name} mirrored={camera.mine} />
      ) : (
        <span className="class-tile-blank">
          <Avatar user={user} name={name} size="l" />
          {person === null && known && (
            <small>{teacher ? words.video.teacherAway : words.video.away}</small>
          )}
        </span>
      )}
      <span className="class-tile-plate">
        <span className="class-tile-name">{name}</span>
        {mine && <small>{words.you}</small>}
        {teacher && !mine && <small>{words.roles[3]}</small>}
        {person !== null && (
          <span className="class-tile-mic" data-open={person.mic || undefined}>
            {person.mic ? <MicIcon /> : <MicOffIcon />}
            <span className="visually-hidden">
              {person.mic ? words.video.micOn : words.video.micOff}
              {person.speaking && `, ${words.video.speaking}`}
              {camera === null && `, ${words.video.cameraOff}`}
            </span>
          </span>
        )}
      </span>
    </li>
  );
}

interface VideoProps {
  picture: Picture;
  label: string;
  /** As in a mirror: how people know themselves. */
  mirrored?: boolean;
}

export function Video({ picture, label, mirrored = false }: VideoProps) {
  const ref = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const element = ref.current;
    if (element === null) return;
    picture.attach(element);
    return () => picture.detach(element);
  }, [picture]);
  return (
    <video
      ref={ref}
      aria-label={label}
      data-mirrored={mirrored || undefined}
      autoPlay
      playsInline
      muted
    />
  );
}
