import { type ClassApi, ENDED, PREPARING, RUNNING, type StageEntry } from "../api/classroom";
import { ApiError } from "../api/error";
import { toData } from "./documents";
import { isOnStage, putOnStage, takeOffStage, withMic } from "./stage";

interface Room {
  /** Something changed by this: resolves once the page has looked again. */
  changed(): Promise<void>;
  failed(error: ApiError): void;
}

/** What teachers, and assistants as far as they may, do to a class. Every command answers whether it worked. */
export class Desk {
  /** The end of the last change of the stage: each is made from the list as it is then. */
  private stage: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly api: ClassApi,
    private readonly id: string,
    private readonly room: Room,
  ) {}

  changeStatus(to: typeof PREPARING | typeof RUNNING | typeof ENDED): Promise<boolean> {
    const call = { [PREPARING]: "pause", [RUNNING]: "start", [ENDED]: "stop" } as const;
    return this.run(() => this.api.changeStatus(this.id, call[to]));
  }

  setNotice(notice: string): Promise<boolean> {
    return this.run(() => this.api.setNotice(this.id, notice));
  }

  putOnStage(user: string, name: string): Promise<boolean> {
    return this.changeStage(async (members) => {
      // Named still, but off the stage since they left the class: only the newly named enter.
      if (isOnStage(members, user)) await this.setStage(takeOffStage(members, user));
      await this.setStage(putOnStage(takeOffStage(members, user), user, name));
    });
  }

  takeOffStage(user: string): Promise<boolean> {
    return this.changeStage((members) => this.setStage(takeOffStage(members, user)));
  }

  /** What was said of a microphone, for pages that come later. */
  markMic(user: string, allowed: boolean): Promise<boolean> {
    return this.changeStage((members) => this.setStage(withMic(members, user, allowed)));
  }

  markAllMics(muted: boolean): Promise<boolean> {
    return this.run(() => this.api.setAllMuted(this.id, muted));
  }

  kick(user: string, banSeconds: number | null): Promise<boolean> {
    return this.run(() => this.api.kick(this.id, user, banSeconds));
  }

  liftBan(user: string): Promise<boolean> {
    return this.run(() => this.api.liftBan(this.id, user));
  }

  setPermit(rights: readonly string[]): Promise<boolean> {
    return this.run(() => this.api.setPermit(this.id, rights));
  }

  deletePermit(): Promise<boolean> {
    return this.run(() => this.api.deletePermit(this.id));
  }

  addDocument(name: string, url: string): Promise<boolean> {
    return this.run(() => this.api.addDocument(this.id, newId(), toData(name, url)));
  }

  deleteDocument(document: string): Promise<boolean> {
    return this.run(() => this.api.deleteDocument(this.id, document));
  }

  startCheckIn(seconds: number): Promise<boolean> {
    return this.run(() => this.api.setCheckIn(this.id, seconds));
  }

  /** One after the other: the server takes whole lists, so two changes made from one list would undo each other. */
  private changeStage(change: (members: readonly StageEntry[]) => Promise<void>): Promise<boolean> {
    const step = this.stage.then(() =>
      this.run(async () => {
        const { members } = await this.api.meeting(this.id);
        await change(members);
      }),
    );
    this.stage = step;
    return step;
  }

  private async setStage(members: readonly StageEntry[]): Promise<void> {
    await this.api.setMeeting(this.id, members);
  }

  private async run(call: () => Promise<unknown>): Promise<boolean> {
    try {
      await call();
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.room.failed(error);
      return false;
    } finally {
      await this.room.changed();
    }
  }
}

/** Random enough for a name within one class; `randomUUID` is absent outside secure contexts. */
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
