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

export interface paths {
  "/login": Call<components["schemas"]["LoginRequest"], components["schemas"]["LoginAnswer"]>;
  "/api/chatroom/create": Call<
    components["schemas"]["CreateRequest"],
    components["schemas"]["RoomAnswer"]
  >;
  "/api/chatroom/list": Call<
    components["schemas"]["ListRequest"],
    components["schemas"]["ListAnswer"]
  >;
  "/api/chatroom/get": Call<components["schemas"]["IdRequest"], components["schemas"]["RoomAnswer"]>;
  "/api/chatroom/getRtcAuthToken": Call<
    components["schemas"]["RtcTokenRequest"],
    components["schemas"]["RtcTokenAnswer"]
  >;
  "/api/chatroom/dismiss": Call<
    components["schemas"]["DismissRequest"],
    components["schemas"]["DismissAnswer"]
  >;
  "/api/chatroom/joinMic": Call<
    components["schemas"]["JoinMicRequest"],
    components["schemas"]["JoinMicAnswer"]
  >;
  "/api/chatroom/leaveMic": Call<
    components["schemas"]["LeaveMicRequest"],
    components["schemas"]["SeatsAnswer"]
  >;
  "/api/chatroom/getMeetingInfo": Call<
    components["schemas"]["IdRequest"],
    components["schemas"]["SeatsAnswer"]
  >;
}

export interface components {
  schemas: {
    LoginRequest: { username: string; password: string };
    LoginAnswer: { code: number; message?: string; token?: string; expire?: string };
    CreateRequest: { title: string; anchor: string; anchor_nick?: string; notice?: string; extends?: string };
    ListRequest: { page_num?: number; page_size?: number; cursor?: string };
    ListAnswer: {
      code: number;
      message?: string;
      rooms?: components["schemas"]["Room"][];
      next_cursor?: string;
    };
    IdRequest: { id: string };
    Room: {
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
      stopped_at?: string;
    };
    RoomAnswer: { code: number; message?: string } & Partial<components["schemas"]["Room"]>;
    RtcTokenRequest: { room_id: string; user_id: string };
    RtcTokenAnswer: {
      code: number;
      message?: string;
      auth_token?: string;
      timestamp?: number;
      rtc_url?: string;
    };
    DismissRequest: { id: string; user_id: string };
    DismissAnswer: { code: number; message?: string; success?: boolean; reason?: string };
    Seat: {
      index: number;
      joined: boolean;
      user_id: string;
      extends?: string;
      join_time?: number;
    };
    JoinMicRequest: { id: string; user_id: string; index?: number; extends?: string };
    JoinMicAnswer: {
      code: number;
      message?: string;
      members?: components["schemas"]["Seat"][];
      reason?: number;
      index?: number;
      desc?: string;
    };
    LeaveMicRequest: { id: string; user_id: string; index: number };
    SeatsAnswer: {
      code: number;
      message?: string;
      success?: boolean;
      members?: components["schemas"]["Seat"][];
    };
  };
}
