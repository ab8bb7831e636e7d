import type { components } from "../api/schema-console";

/** What the console's API asks and answers. Instants are Unix ms; what the server does not know or measure is left out. */
type Schemas = components["schemas"];

export interface Page<T> {
  total: number;
  items: T[];
}

export type Me = Schemas["Me"];
export type Overview = Schemas["Overview"];
export type Series = Schemas["Series"];
export type RowName = keyof Schemas["Rows"];
export type Channel = Schemas["Channel"];
export type ChannelDetail = Schemas["ChannelDetail"];
export type Participant = Schemas["Participant"];
export type Track = Schemas["Track"];
export type Ban = Schemas["Ban"];
export type Call = Schemas["Call"];
export type Account = Schemas["Account"];
export type AccountPatch = Schemas["AccountPatch"];
export type AppRow = Schemas["App"];
export type RequestLine = Schemas["RequestLine"];
export type AuditLine = Schemas["AuditLine"];
export type MuteWish = Schemas["Mute"];

export type Kind = Schemas["Kind"];
export const KINDS = ["room", "class", "talk"] as const satisfies readonly Kind[];
