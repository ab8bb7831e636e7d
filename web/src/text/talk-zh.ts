import type { IdentityType } from "../api/talk";
import type { TalkTexts } from "./talk-en";

const ROLES: Record<IdentityType, string> = {
  1: "自由发言者",
  2: "点名发言者",
  3: "听众",
  4: "指挥",
  5: "主持人",
  6: "嘉宾",
};

const role = (type: IdentityType) => ROLES[type];

/** The two largest units that are not zero. */
function duration(seconds: number): string {
  const units: [number, string][] = [
    [Math.floor(seconds / 86_400), "天"],
    [Math.floor(seconds / 3_600) % 24, "小时"],
    [Math.floor(seconds / 60) % 60, "分钟"],
    [Math.floor(seconds) % 60, "秒"],
  ];
  const said = units.filter(([n]) => n > 0).slice(0, 2);
  if (said.length === 0) return "0 秒";
  return said.map(([n, unit]) => `${n} ${unit}`).join(" ");
}

const somebody = (by: string) => (by === "" ? "管理员" : by);

export const talkZh: TalkTexts = {
  title: "语音频道",
  lead: "一页看两端：给请求签名的服务端，和只拿到令牌的玩家。",
  duration,

  server: {
    title: "你的服务端",
    hint: "正式产品中，密钥应留在服务端。这里只保存在内存，关闭标签页即消失。",
    dev: "服务器处于开发模式，已填入公开的测试密钥。",
    appkey: "App key",
    secret: "App secret",
    show: "显示密钥",
    hide: "隐藏密钥",
    needed: "填写 App key 和 App secret 后才能代表服务端操作。",
  },

  join: {
    title: "玩家",
    channel: "频道",
    user: "用户名",
    identity: "角色",
    device: "设备（可选）",
    deviceHint: "用于区分同一用户的两台设备。",
    submit: "加入频道",
    working: "正在加入…",
    needed: "请先填写 App key 和 App secret，令牌由它们签发。",
  },

  how: {
    title: "工作原理",
    steps: [
      {
        title: "服务端签发令牌",
        text: "用 App secret 签名调用 create_talk_token，把令牌交给玩家。",
      },
      {
        title: "玩家凭令牌加入",
        text: "任何 LiveKit SDK 都可以：Web、iOS、Android、Unity。首位加入者开启频道。",
      },
      {
        title: "服务端始终掌控",
        text: "改角色、禁言、移出、推送文字，各只需一次签名请求，立即生效。",
      },
    ],
    more: "全部命令和字段见",
    docs: "接口文档",
  },

  roles: ROLES,
  role,
  roleHint: {
    1: "随时可以发言。",
    2: "管理员给麦后才能发言。",
    3: "只能收听。",
    4: "可以发言和播放背景音乐。",
    5: "可以发言和播放背景音乐。",
    6: "随时可以发言。",
  },
  option: (type) => `${type} · ${ROLES[type]}`,

  channel: {
    members: "频道成员",
    count: (n) => `${n} 人`,
    you: "你",
    unknownRole: "角色未知",
    micOpen: "麦克风已开",
    micClosed: "麦克风已关",
    speaking: "正在说话",
    mutedByServer: "被管理员禁言",
    devices: (n) => `${n} 台设备`,
    volume: (user) => `${user} 的音量`,
    log: "动态",
    noLog: "推送的文字和管理员操作会显示在这里。",
    onlyYou: "仅发给你",
    act: (user) => `操作 ${user}`,
    connecting: "正在加入频道…",
    reconnecting: "连接中断，正在恢复…",
    readNews: "知道了",
  },

  dock: {
    label: "你的操作",
    open: "打开麦克风",
    close: "关闭麦克风",
    leave: "离开频道",
    live: "麦克风已打开",
    closed: "麦克风已关闭",
    block: {
      offline: "未连接",
      switching: "请稍候…",
      muted: "你被管理员禁言，别人听不到你。",
      listener: "听众不能发言，管理员可以更改你的角色。",
      "no-grant": "点名发言者需等管理员给麦。",
      "no-right": "服务器暂时不允许你发言。",
    },
  },

  mine: {
    identity: (by, from, to) => `${somebody(by)} 将你的角色从${role(from)}改为${role(to)}。`,
    granted: (by) => `${somebody(by)} 给了你麦克风，现在可以打开。`,
    withdrawn: (by) => `${somebody(by)} 收回了你的麦克风。`,
    muted: (by, what, until) => `${somebody(by)} 禁用了你的${what}${until}。`,
    unmuted: (by) => `${somebody(by)} 解除了对你的禁言，可以继续使用麦克风。`,
  },

  line: {
    message: (sender) => (sender === "" ? "服务器" : sender),
    kickedYou: (by, ban) => `${somebody(by)} 将你移出了频道${ban}。`,
    kicked: (by, user, ban) => `${somebody(by)} 移出了 ${user}${ban}。`,
    banFor: (seconds) => `，封禁 ${duration(seconds)}`,
    identity: (by, user, from, to) =>
      `${somebody(by)} 将 ${user} 的角色从${role(from)}改为${role(to)}。`,
    granted: (by, user) => `${somebody(by)} 给了 ${user} 麦克风。`,
    withdrawn: (by, user) => `${somebody(by)} 收回了 ${user} 的麦克风。`,
    muted: (by, user, what, until) => `${somebody(by)} 禁用了 ${user} 的${what}${until}。`,
    unmuted: (by, user) => `${somebody(by)} 解除了 ${user} 的禁言。`,
    dismissed: (by) => `${somebody(by)} 关闭了频道。`,
    microphone: "麦克风",
    camera: "摄像头",
    both: "麦克风和摄像头",
    until: (time) => `，至 ${time}`,
  },

  ended: {
    removed: { title: "你已被移出", text: "服务器管理员将你移出了频道。" },
    dismissed: { title: "频道已关闭", text: "所有人都已离开，再次加入会重新开启频道。" },
    replaced: { title: "你已在别处加入", text: "同一用户和设备在另一个窗口加入，这里已停止。" },
    lost: { title: "连接已断开", text: "未能自动恢复，请尝试重新加入。" },
    kickedBy: (by, ban) => `${somebody(by)} 将你移出了频道${ban}。`,
    banLeft: (seconds) =>
      seconds > 0 ? `${duration(seconds)}后可以回来。` : "封禁已结束，可以回来了。",
    noBan: "没有封禁，随时可以回来。",
    again: "重新加入",
    change: "先修改设置",
  },

  operator: {
    title: "管理",
    show: "管理面板",
    channelEmpty: "在表单中填写频道名，即可查看频道情况。",
    noChannel: "频道目前不存在，有人加入时会自动开启。",
    users: "在线用户",
    speakers: "开麦人数",
    channels: "应用频道数",
    waiting: "正在查询…",
    target: "操作对象",
    targetHint: "点选一位成员，或输入不在频道中的用户名。",
    here: "频道中的用户",
    actions: (user) => `对 ${user} 的操作`,
    absent: "不在频道中。",
    noRates: "没有发送音视频。",
    audioRate: (kbps) => `音频 ${kbps} kbit/s`,
    videoRate: (kbps, fps) => `视频 ${kbps} kbit/s，${fps} 帧/秒`,
    elsewhere: (channel) => `在 ${channel}：`,
    since: (time) => `${time} 加入`,
    grant: "已给麦",

    kick: "移出",
    minutes: "封禁（分钟）",
    minutesHint: "0 表示移出但不封禁，并解除已有封禁。",
    lift: "解除封禁",
    identity: "角色",
    setIdentity: "更改角色",
    mute: "禁言",
    unmute: "解除禁言",
    giveMic: "给麦",
    takeMic: "收麦",
    micHint: "只有点名发言者（角色 2）需要给麦。",

    push: "推送文字",
    pushTo: "发给",
    pushAll: "所有人",
    pushOne: (user) => `仅 ${user}`,
    send: "推送",

    calls: "通话记录",
    callsDay: "日期",
    callsHint: "按服务器时区计日，通话归入开始的那一天。",
    callsShow: "查看记录",
    callsOf: (user, n) => `${user} 共有 ${n} 条已结束的通话`,
    noCalls: (user) => `${user} 当天没有已结束的通话。`,
    firstCalls: (n) => `仅显示前 ${n} 条。`,
    callChannel: "频道",
    callFrom: "开始",
    callTo: "结束",
    callLength: "时长",

    dismiss: "关闭频道",
    dismissTitle: (channel) => `为所有人关闭 ${channel}？`,
    dismissText: "所有人都会离开，再次加入会重新开启频道，封禁仍然有效。",

    done: {
      kicked: (user, seconds) =>
        seconds === 0 ? `已移出 ${user}，未封禁。` : `已移出 ${user}，封禁 ${duration(seconds)}。`,
      absentBarred: (user, time) => `${user} 不在频道中，${time} 之前不能加入。`,
      absentFree: (user) => `${user} 不在频道中，可以加入。`,
      lifted: (user) => `已解除 ${user} 的封禁。`,
      noBan: (user) => `${user} 没有被封禁。`,
      identity: (user, type) => `${user} 现在是${role(type)}。`,
      muted: (user) => `${user} 已被禁言。`,
      unmuted: (user) => `已解除 ${user} 的禁言。`,
      granted: (user) => `${user} 已获得麦克风。`,
      withdrawn: (user) => `已收回 ${user} 的麦克风。`,
      pushed: "文字已推送。",
      dismissed: (n) => `频道已关闭，${n} 位用户已离开。`,
    },
  },

  failure: {
    unreachable: "无法连接服务器，请检查网络后重试。",
    insecure: "本页需要给请求签名，浏览器只在 https 或本机允许。请改用这样的地址打开。",
    "no-api": "此地址不提供频道接口。",
    media: "无法建立媒体连接，请检查服务器的媒体端口是否可达。",
    other: "服务器拒绝了请求。",
    detail: (code, info) => `错误码 ${code}：${info}`,
    requestId: (id) => `请求 ${id}`,
    codes: {
      60002: "服务器无法读取请求。",
      60003: "服务器无法读取请求。",
      60004: "签名缺少内容，请确认已填写 App key 和 App secret。",
      60005: "签名格式不正确。",
      60006: "应用已停用，或请求属于其他应用。",
      60009: "服务器不认识此命令，可能版本较旧。",
      60010: "“admin” 不是此应用的管理员。",
      60018: "请求过于频繁，请稍候。",
      70001: "本机时钟与服务器相差超过五分钟。",
      70009: "App secret 不正确。",
      70020: "服务器不认识此 App key。",
      100001: "服务器出错，请重试。",
      100002: "有一项内容不被接受。",
      100004: "频道目前不存在。",
      100005: "该用户不在频道中。",
      100006: "目前不允许此操作。",
      401: "频道目前不存在。",
      402: "该用户不在频道中。",
      403: "该用户的角色已有更新的更改。",
      500: "服务器出错，未做任何更改，请重试。",
    },
  },
};
