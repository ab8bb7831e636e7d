import type { TestTexts } from "./test-en";

const ms = (n: number) => `${Math.round(n)} 毫秒`;
const percent = (share: number) => `${(share * 100).toFixed(share > 0 && share < 0.1 ? 1 : 0)}%`;

export const testZh: TestTexts = {
  title: "连接测试",
  lead: "用半分钟检查这台设备和当前网络能否正常通话，并告诉你如何解决问题。",
  start: "开始测试",
  again: "重新测试",
  running: "测试中…",
  ask: "浏览器会请求使用麦克风和摄像头。采集到的声音只会发到本服务器再传回给你，不会发给其他人。",
  speak: "请说句话，音量条应该会动。",
  release: "关闭麦克风和摄像头",
  checks: "测试项目",

  check: {
    microphone: { name: "麦克风", what: "别人能否听到你" },
    camera: { name: "摄像头", what: "仅在课堂上露面时需要" },
    websocket: { name: "消息", what: "聊天和房间动态（WebSocket）" },
    udp: { name: "语音直连", what: "通过 UDP 传输，效果最好" },
    quality: { name: "通话质量", what: "用五秒真实声音测量延迟、抖动和丢包" },
    tcp: { name: "语音备用线路", what: "网络只放行 TCP 时使用" },
  },

  status: {
    waiting: "未测试",
    running: "测试中",
    good: "正常",
    fair: "可以改善",
    bad: "不可用",
    unknown: "无法判断",
  },
  result: (name, status, says) => `${name}：${status}。${says}`,

  verdict: {
    ready: { title: "一切就绪", text: "全部正常，可以放心进入房间和课堂。" },
    limited: { title: "可以使用", text: "能够通话，但还可以更好，建议见下方。" },
    broken: { title: "有问题需要解决", text: "有一项不可用，解决办法写在旁边。" },
    incomplete: { title: "部分项目未能测试", text: "已完成的结果见下方。" },
  },

  choose: "使用的麦克风",
  meter: "麦克风音量",
  preview: "摄像头画面",
  voice: {
    record: "听听自己",
    recording: "正在录音，请说话…",
    playing: "正在播放…",
    failed: "此浏览器不支持录音。",
    hint: "录三秒后播放，不会保存。",
  },

  facts: {
    device: (label) => label,
    picture: (width, height) => `${width} × ${height}`,
    socket: (open, answer) => `连接 ${ms(open)}，应答 ${ms(answer)}`,
    path: (connect) => `${ms(connect)}后听到回音`,
    server: (address) => `服务器 ${address}`,
    over: (protocol) => `经 ${protocol} 测量`,
    roundTrip: (n) => `往返 ${ms(n)}`,
    message: (n) => `消息 ${ms(n)}`,
    jitter: (n) => `抖动 ${ms(n)}`,
    loss: (share) => `丢包 ${percent(share)}`,
    lossUp: (share) => `其中上行 ${percent(share)}`,
    packets: (n) => `${n} 个数据包`,
  },

  advice: {
    "mic-good": { says: "声音清晰响亮。", do: "" },
    "mic-quiet": {
      says: "能收到声音，但音量很小。",
      do: "靠近麦克风，或在系统设置中调高输入音量。",
    },
    "mic-silent": {
      says: "麦克风已打开，但没有声音。",
      do: "检查静音开关，确认浏览器选对了麦克风，然后重新测试并说几句话。",
    },
    "mic-denied": {
      says: "浏览器不允许此页面使用麦克风。",
      do: "点击地址栏旁的图标允许使用，然后重新测试。",
    },
    "mic-missing": { says: "没有找到麦克风。", do: "接上麦克风后重新测试。只听不说则不需要。" },
    "mic-insecure": {
      says: "浏览器只允许 https 或本机页面使用麦克风。",
      do: "请用 https 打开本页。服务器管理员可以启用 https。",
    },
    "mic-busy": { says: "麦克风正被其他程序使用。", do: "关闭其他通话或录音程序，然后重新测试。" },
    "mic-failed": { says: "麦克风启动失败。", do: "重新插拔麦克风或重启浏览器，然后重新测试。" },
    "camera-good": { says: "摄像头画面正常。", do: "" },
    "camera-dark": {
      says: "摄像头已打开，但没有画面。",
      do: "检查镜头盖或开关，以及是否被其他程序占用。",
    },
    "camera-denied": {
      says: "浏览器不允许此页面使用摄像头。",
      do: "想在课堂上露面，请在地址栏允许使用。语音不受影响。",
    },
    "camera-missing": { says: "没有找到摄像头。", do: "不影响参与，语音不需要摄像头。" },
    "camera-insecure": {
      says: "浏览器只允许 https 或本机页面使用摄像头。",
      do: "请用 https 打开本页。",
    },
    "camera-busy": {
      says: "摄像头正被其他程序使用。",
      do: "关闭其他视频通话后重新测试。语音不受影响。",
    },
    "camera-failed": { says: "摄像头启动失败。", do: "重新插拔摄像头或重启浏览器。语音不受影响。" },
    "socket-good": { says: "消息即时送达。", do: "" },
    "socket-slow": {
      says: "消息能送达，但较慢。",
      do: "暂停大文件下载，或靠近路由器。VPN 也可能是原因。",
    },
    "socket-failed": {
      says: "消息连接无法建立。",
      do: "可能是代理或防火墙拦截了 WebSocket。请换个网络，或请网络管理员放行本站地址。",
    },
    "udp-good": { says: "声音走直连线路。", do: "" },
    "udp-blocked": {
      says: "当前网络不允许 UDP 到达服务器。",
      do: "声音会改走备用线路，网络差时更容易卡顿。可请网络管理员放行服务器媒体端口的 UDP。",
    },
    "tcp-good": { says: "直连被拦截时，可以走这条线路。", do: "" },
    "tcp-spare": {
      says: "备用线路不通。",
      do: "直连可用，目前不需要它。服务器管理员可检查 TCP 端口是否也接受媒体。",
    },
    "media-blocked": {
      says: "声音无法在你和服务器之间传输。",
      do: "请换个网络，例如手机热点。若那里可用，是这边的防火墙拦截；若仍不行，请服务器管理员检查公网地址和媒体端口。",
    },
    "media-signalling": {
      says: "媒体服务器没有应答。",
      do: "可能是代理或防火墙拦截了 WebSocket，请换个网络。",
    },
    "media-no-door": { says: "登录后才能测试声音传输。", do: "请先登录，再回到本页测试。" },
    "media-refused": {
      says: "服务器没有开放测试频道。",
      do: "稍等片刻再试。若仍如此，请重新登录。",
    },
    "media-no-webrtc": {
      says: "此浏览器不支持实时语音。",
      do: "请使用新版 Chrome、Edge、Firefox 或 Safari，或停用拦截 WebRTC 的扩展。",
    },
    "quality-good": { says: "延迟低、无卡顿，通话效果很好。", do: "" },
    "quality-far": {
      says: "离服务器较远，回应会稍有延迟。",
      do: "说话时稍作停顿。VPN 可能造成绕路。",
    },
    "quality-uneven": {
      says: "声音到达时快时慢，需要缓冲才能流畅播放。",
      do: "改用网线，或靠近路由器，并暂停大文件下载。",
    },
    "quality-lossy": {
      says: "部分声音在途中丢失，可能听到断续。",
      do: "改用网线，或靠近路由器，并暂停大文件下载。",
    },
    "quality-bad": {
      says: "网络太差，难以正常通话。",
      do: "请换个网络。使用 Wi-Fi 时，改用网线或靠近路由器最有效。",
    },
    "quality-failed": { says: "没有可供测量的声音。", do: "" },
  },

  report: {
    title: "报告",
    hint: "发给帮助你的人。不含姓名和密码。",
    copy: "复制报告",
    copied: "已复制",
    heading: "Stoa 连接测试",
    page: "页面",
    browser: "浏览器",
    time: "时间",
    secure: "安全上下文",
    yes: "是",
    no: "否",
    result: "结果",
  },
  signIn: "去登录",
};
