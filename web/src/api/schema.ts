/**
 * Types of the voice-room dialect, in the shape openapi-typescript writes.
 * Written by hand from the wire contract until the committed OpenAPI document is there to generate them from.
 */

type Call<Body, Answer> = {
  post: {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    requestBody: { content: { "application/json": Body } };
    responses: {
      200: { headers: { [name: string]: unknown }; content: { "application/json": Answer } };
    };
  };
};

type Schemas = components["schemas"];

export interface paths {
  "/login": Call<Schemas["LoginRequest"], Schemas["LoginBody"] | Schemas["RefusalBody"]>;
  "/api/chatroom/create": Call<Schemas["CreateRequest"], Schemas["RoomBody"] | Schemas["RefusalBody"]>;
  "/api/chatroom/list": Call<Schemas["ListRequest"], Schemas["ListBody"] | Schemas["RefusalBody"]>;
  "/api/chatroom/get": Call<Schemas["IdRequest"], Schemas["RoomBody"] | Schemas["RefusalBody"]>;
  "/api/chatroom/getRtcAuthToken": Call<Schemas["RtcTokenRequest"], Schemas["RtcTokenBody"]>;
  "/api/chatroom/dismiss": Call<Schemas["DismissRequest"], Schemas["DismissBody"] | Schemas["RefusalBody"]>;
  "/api/chatroom/joinMic": Call<
    Schemas["JoinMicRequest"],
    Schemas["SeatedBody"] | Schemas["NoSeatBody"] | Schemas["RefusalBody"]
  >;
  "/api/chatroom/leaveMic": Call<Schemas["LeaveMicRequest"], Schemas["SeatsBody"] | Schemas["RefusalBody"]>;
  "/api/chatroom/getMeetingInfo": Call<Schemas["IdRequest"], Schemas["SeatsBody"] | Schemas["RefusalBody"]>;
}

export interface components {
  schemas: {
    RefusalBody: {
      code: number;
      message: string;
      msg?: string | null;
      success?: boolean | null;
      reason?: string | null;
      members?: number[] | null;
    };
    LoginRequest: { username: string; password: string };
    LoginBody: { code: number; token: string; expire: string };
    CreateRequest: { title: string; anchor: string; anchor_nick?: string; notice?: string; extends?: string };
    ListRequest: { page_num?: number; page_size?: number; cursor?: string };
    ListBody: { code: number; rooms: Schemas["RoomBody"][]; next_cursor?: string | null };
    IdRequest: { id: string };
    RoomBody: {
      code?: number | null;
      id: string;
      chat_id: string;
      title: string;
      notice: string;
      extends: string;
      cover_url: string;
      anchor_id: string;
      anchor_nick: string;
      status: number;
      show_code: number;
      meetingInfo: string;
      metrics: { online_count: number };
      created_at: string;
      updated_at: string;
      started_at: string;
      stopped_at?: string | null;
    };
    RtcTokenRequest: { room_id: string; user_id: string };
    RtcTokenBody: { code: number; auth_token: string; timestamp: number; rtc_url?: string | null };
    DismissRequest: { id: string; user_id: string };
    DismissBody: { code: number; success: boolean };
    SeatBody: {
      index: number;
      joined: boolean;
      user_id: string;
      extends?: string | null;
      join_time?: number | null;
    };
    JoinMicRequest: { id: string; user_id: string; index?: number; extends?: string };
    SeatedBody: { code: number; members: Schemas["SeatBody"][] };
    NoSeatBody: { code: number; reason: number; desc: string; message: string; index?: number | null };
    LeaveMicRequest: { id: string; user_id: string; index: number };
    SeatsBody: { code: number; success: boolean; members: Schemas["SeatBody"][] };
  };
}
