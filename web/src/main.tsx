import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/avatar.css";
import "./styles/sign-in.css";
import "./styles/rooms.css";
import "./styles/room.css";
import "./styles/seats.css";
import "./styles/chat.css";

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
