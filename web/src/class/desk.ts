import { type ClassApi, ENDED, PREPARING, RUNNING, type StageEntry } from "../api/classroom";
import { ApiError } from "../api/error";
import { toData } from "./documents";
import { putOnStage, takeOffStage } from "./stage";

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
    return this.changeStage((members) => putOnStage(members, user, name));
  }

  takeOffStage(user: string): Promise<boolean> {
    return this.changeStage((members) => takeOffStage(members, user));
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
  private changeStage(change: (members: readonly StageEntry[]) => StageEntry[]): Promise<boolean> {
    const step = this.stage.then(() =>
      this.run(async () => {
        const { members } = await this.api.meeting(this.id);
        await this.api.setMeeting(this.id, change(members));
      }),
    );
    this.stage = step;
    return step;
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
