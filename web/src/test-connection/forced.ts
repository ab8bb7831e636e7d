import type { Protocol } from "./findings";

/** Whether a line or candidate of a session description is one of `protocol`; other lines always are. */
export function allowed(line: string, protocol: Protocol): boolean {
  const found = /^(?:a=)?candidate:\S+ \d+ (\S+) /.exec(line);
  return found === null || found[1]?.toLowerCase() === protocol;
}

/** A session description with the candidates of one protocol only. */
export function filtered(sdp: string, protocol: Protocol): string {
  return sdp
    .split("\r\n")
    .filter((line) => allowed(line, protocol))
    .join("\r\n");
}

/**
 * While it lasts, every new peer connection of this page learns only those addresses of the server that speak `protocol`:
 * the other way does not exist for it. The media client makes its connections itself and offers no such setting.
 */
export class Forced {
  readonly connections: RTCPeerConnection[] = [];
  private readonly original = window.RTCPeerConnection;

  constructor(protocol: Protocol) {
    const made = this.connections;
    window.RTCPeerConnection = class extends this.original {
      constructor(configuration?: RTCConfiguration) {
        super(configuration);
        made.push(this);
      }

      override setRemoteDescription(description: RTCSessionDescriptionInit): Promise<void> {
        const { type, sdp = "" } = description;
        return super.setRemoteDescription({ type, sdp: filtered(sdp, protocol) });
      }

      override async addIceCandidate(candidate?: RTCIceCandidateInit | null): Promise<void> {
        if (candidate && !allowed(candidate.candidate ?? "", protocol)) return;
        await super.addIceCandidate(candidate);
      }
    };
  }

  end(): void {
    window.RTCPeerConnection = this.original;
  }
}
