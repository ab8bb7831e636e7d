import { toIdentityType, type UserStatus } from "../../api/talk";
import type { Overview } from "../../talk/use-overview";
import { clock, talk } from "../../text/talk";

/** The picked user as the server sees them now: role, device count, what they send. */
export function UserFacts({ overview }: { overview: Overview }) {
  const { channel, target, detail, status } = overview;
  const entry = detail?.UserList.find((candidate) => candidate.UserID === target);
  const here = status.find((row) => row.ChannelID === channel);
  const elsewhere = status.filter((row) => row.ChannelID !== channel);
  return (
    <ul className="talk-facts">
      <li>{entry === undefined ? talk.operator.absent : facts(entry)}</li>
      {here && <li>{rates(here)}</li>}
      {elsewhere.map((row) => (
        <li key={row.ChannelID}>
          {talk.operator.elsewhere(row.ChannelID)} {rates(row)}
        </li>
      ))}
    </ul>
  );
}

function facts(entry: NonNullable<Overview["detail"]>["UserList"][number]): string {
  const type = toIdentityType(entry.IdentityType);
  return [
    type === null ? talk.channel.unknownRole : talk.role(type),
    entry.MicGrant === 1 ? talk.operator.grant : "",
    entry.AudioMuted === 1 ? talk.channel.mutedByServer : "",
    entry.Devices > 1 ? talk.channel.devices(entry.Devices) : "",
    talk.operator.since(clock(entry.JoinTime * 1_000)),
  ]
    .filter((part) => part !== "")
    .join(" · ");
}

function rates(row: UserStatus): string {
  const parts: string[] = [];
  if (row.UseAudio === 1) parts.push(talk.operator.audioRate(row.AudioBitRate));
  if (row.UseVideo === 1) {
    parts.push(talk.operator.videoRate(row.VideoBitRate, row.VideoFrameRate));
  }
  return parts.length === 0 ? talk.operator.noRates : parts.join(" · ");
}
