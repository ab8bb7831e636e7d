import { Component, type ReactNode } from "react";
import { ApiError } from "../api/error";
import { roomsHash } from "../lib/route";
import { text } from "../text";
import { failureText } from "../text/failure";
import { AlertIcon } from "./icons";

interface Props {
  children: ReactNode;
  /** A change of it (another view) clears the error. */
  resetKey: string;
}

interface State {
  error: unknown;
  failed: boolean;
}

/** The one place where unexpected errors end up: says so, names the request for the server's log, offers a way on. */
export class Boundary extends Component<Props, State> {
  override state: State = { error: null, failed: false };

  static getDerivedStateFromError(error: unknown): State {
    return { error, failed: true };
  }

  override componentDidUpdate(before: Props): void {
    if (before.resetKey !== this.props.resetKey && this.state.failed) this.reset();
  }

  private readonly reset = (): void => this.setState({ error: null, failed: false });

  override render(): ReactNode {
    if (!this.state.failed) return this.props.children;
    const { error } = this.state;
    const call = error instanceof ApiError ? error : null;
    return (
      <main className="notice-page" id="content" role="alert">
        <span className="notice-mark notice-mark-danger">
          <AlertIcon />
        </span>
        <h1>{text.crash.title}</h1>
        <p>{call ? failureText(call) : text.crash.text}</p>
        <p className="request-id">
          {call?.requestId ? (
            <>
              {text.crash.requestId} <code>{call.requestId}</code>
            </>
          ) : (
            text.crash.none
          )}
        </p>
        <div className="notice-actions">
          <a className="button" href={roomsHash} onClick={this.reset}>
            {text.ended.toRooms}
          </a>
          <button type="button" className="button button-primary" onClick={this.reset}>
            {text.crash.again}
          </button>
        </div>
      </main>
    );
  }
}
