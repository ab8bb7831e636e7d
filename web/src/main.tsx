import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { followTheme } from "./lib/theme";
import { language } from "./text";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/avatar.css";
import "./styles/shell.css";
import "./styles/sign-in.css";
import "./styles/rooms.css";
import "./styles/room.css";
import "./styles/seats.css";
import "./styles/chat.css";
import "./styles/people.css";
import "./styles/room-parts.css";

document.documentElement.lang = language === "zh" ? "zh-CN" : language;
followTheme();

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
