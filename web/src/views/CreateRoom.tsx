import type { Api } from "../api/client";
import { roomHash } from "../lib/route";
import { text } from "../text";
import { Dialog } from "../ui/Dialog";
import { RoomForm } from "./RoomForm";

export function CreateRoom({ api, me, onClose }: { api: Api; me: string; onClose: () => void }) {
  return (
    <Dialog title={text.create.title} onClose={onClose}>
      <RoomForm
        title=""
        notice=""
        submit={text.create.submit}
        working={text.create.working}
        onSubmit={async (title, notice) => {
          const room = await api.create(me, title, notice);
          location.hash = roomHash(room.id);
        }}
        onCancel={onClose}
      />
    </Dialog>
  );
}
