import type { GoneReason, LiveHandlers, LivePort } from "../lib/live-port";

export type { GoneReason };

/** A moving picture that an element can show. The same object as long as it is the same track. */
export interface Picture {
  readonly id: string;
  readonly mine: boolean;
  attach(element: HTMLVideoElement): void;
  detach(element: HTMLVideoElement): void;
}

/** Somebody in the live channel, all their connections together. */
export interface Person {
  user: string;
  /** On stage, as the server has it: it decides, lists only ask. */
  maySpeak: boolean;
  mic: boolean;
  speaking: boolean;
  /** How loud, 0 to 1. */
  level: number;
  camera: Picture | null;
  screen: Picture | null;
}

export type Device = "mic" | "camera" | "screen";
export type Devices = Record<Device, boolean>;

export interface ClassMedia extends LivePort {
  /** Rejects when the device, its owner or the server says no. */
  setDevice(device: Device, on: boolean): Promise<void>;
  /** Gives all devices back: whoever is off the stage is not even looked at by the own camera. */
  stopAll(): Promise<void>;
}

export interface ClassMediaHandlers extends LiveHandlers {
  people(people: Person[]): void;
  /** What the engine has of the own devices, whoever changed it. */
  devices(devices: Devices): void;
  /** Somebody came who has not heard what was said before. */
  arrived(user: string): void;
}

export type OpenClassMedia = (
  url: string,
  token: string,
  handlers: ClassMediaHandlers,
) => Promise<ClassMedia>;
