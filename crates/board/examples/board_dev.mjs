// Real y-websocket clients against the example server: node board_dev.mjs <path of the built board_dev>.
// Needs yjs 13.6, y-websocket 3 and ws 8 from npm. Prints ok, or fails.
import * as Y from 'yjs'
import { WebsocketProvider } from 'y-websocket'
import WebSocket from 'ws'
import { spawn } from 'child_process'
import assert from 'assert'
const server = spawn(process.argv[2])
const port = await new Promise(r => server.stdout.once('data', d => r(+d)))
server.stdout.on('data', d => console.log('server:', String(d)))
let nth = 0
const open = (rights, doc = new Y.Doc()) => { const p = new WebsocketProvider(`ws://127.0.0.1:${port}`, `u${nth++}/${rights}`, doc, { WebSocketPolyfill: WebSocket, disableBc: true }); return { doc, p, el: doc.getMap('elements'), pages: doc.getArray('pages') } }
const until = async (f, what) => { const t = Date.now(); while (!f()) { if (Date.now() - t > 10000) throw new Error('timeout: ' + what); await new Promise(r => setTimeout(r, 10)) } }
const canon = v => v && typeof v === 'object' && !Array.isArray(v) ? Object.fromEntries(Object.keys(v).sort().map(k => [k, canon(v[k])])) : Array.isArray(v) ? v.map(canon) : v
const state = x => JSON.stringify(canon({ e: x.el.toJSON(), p: x.pages.toJSON() }))
const same = (a, b) => state(a) === state(b)
const a = open('dp'), b = open('d'), c = open('x')
await Promise.all([a, b, c].map(x => until(() => x.p.synced, 'sync')))
a.el.set('x', { id: 'x', type: 'text', text: 'hi', page: 0 })
a.pages.push([new Y.Map([['id', 'p']])])
await until(() => b.el.has('x') && c.pages.length === 1, 'relay')
// awareness
c.p.awareness.setLocalStateField('cursor', { x: 3 })
await until(() => a.p.awareness.getStates().get(c.doc.clientID)?.cursor?.x === 3, 'cursor')
// offline work on both sides
b.p.disconnect(); await until(() => !b.p.wsconnected, 'off')
for (let i = 0; i < 200; i++) { b.el.set('b' + i % 20, { id: 'b', i }); a.el.set('a' + i % 20, { id: 'a', i }) }
b.el.delete('x')
b.p.connect(); b.el.set('early', { id: 'early' })
await until(() => a.el.has('early') && a.el.get('b19')?.i === 199 && !a.el.has('x') && same(a, b) && same(a, c), 'converge')
// cursor of one who drops and comes back
c.p.disconnect()
await until(() => !a.p.awareness.getStates().has(c.doc.clientID), 'cursor gone')
c.p.connect(); await until(() => c.p.synced, 'back')
c.p.awareness.setLocalStateField('cursor', { x: 4 })
await until(() => a.p.awareness.getStates().get(c.doc.clientID)?.cursor?.x === 4, 'cursor back')
// denied
const warns = []; const warn = console.warn; console.warn = (...m) => warns.push(m.join(' '))
c.el.set('no', { id: 'no' }); c.el.set('no2', { id: 'no' })
await until(() => warns.length === 1, 'denied'); console.warn = warn
console.log(warns[0])
a.el.set('after', { id: 'after' }); await until(() => b.el.has('after') && c.el.has('after'), 'after')
assert(!a.el.has('no') && !b.el.has('no'))
// many, drawing at once
const many = await Promise.all(Array.from({ length: 50 }, async () => { const x = open('dp'); await until(() => x.p.synced, 'many'); return x }))
const t = Date.now()
for (let r = 0; r < 20; r++) { many.forEach((x, i) => x.el.set('m' + (i + r) % 60, { id: 'm', i, r })); await new Promise(r => setTimeout(r, 10)) }
await until(() => many.every(x => same(x, a)), 'many converge')
console.log('50 clients, 1000 edits:', Date.now() - t, 'ms; elements', a.el.size)
console.log('ok'); server.kill(); process.exit(0)
