// Writes tests/boards/yjs.txt: what the JavaScript libraries send. Needs yjs 13.6, y-protocols 1.0 and lib0 0.2 from npm:
//   npm install yjs y-protocols lib0 && node yjs.mjs
import * as Y from 'yjs'
import * as sync from 'y-protocols/sync'
import * as aw from 'y-protocols/awareness'
import * as enc from 'lib0/encoding'
import { writeFileSync } from 'fs'
const out = []
const hex = u => Buffer.from(u).toString('hex')
const msg = (name, f) => { const e = enc.createEncoder(); f(e); out.push(`${name} ${hex(enc.toUint8Array(e))}`) }
const doc = new Y.Doc(); doc.clientID = 2864434397
const pages = doc.getArray('pages'), elements = doc.getMap('elements'), view = doc.getMap('view')
msg('hello', e => { enc.writeVarUint(e, 0); sync.writeSyncStep1(e, doc) })
let n = 0
doc.on('update', u => msg('update', e => { enc.writeVarUint(e, 0); sync.writeUpdate(e, u) }))
const el = (id, more) => ({ id, type: 'rectangle', x: 10.5, y: -20, width: 100, height: 50, angle: 0.25, strokeColor: '#1e1e1e', backgroundColor: 'transparent', fillStyle: 'solid', strokeWidth: 2, strokeStyle: 'solid', opacity: 100, groupIds: [], frameId: null, roundness: { type: 3 }, seed: 1968410350, version: 1, versionNonce: 401146281, isDeleted: false, boundElements: null, updated: 1700000000000, link: null, locked: false, index: 'a0', ...more })
elements.set('e1', el('e1'))
elements.set('e2', el('e2', { type: 'text', text: '你好 😀', fontSize: 20 }))
doc.transact(() => { elements.set('e1', el('e1', { version: 2, x: 1e9 })); elements.set('e3', el('e3', { type: 'freedraw', points: [[0, 0], [1.25, 2], [3, -4]], pressures: [0.5, 0.1] })) })
elements.delete('e2')
const page = new Y.Map(); page.set('id', 'p1'); page.set('background', { doc: 'd', page: 2 })
pages.insert(0, [page])
const page2 = new Y.Map(); page2.set('id', 'p2')
pages.insert(0, [page2])
page2.set('title', 'two')
pages.delete(1)
view.set('page', 0); view.set('page', 1)
const undo = new Y.UndoManager([elements])
elements.set('e4', el('e4')); undo.undo(); undo.redo()
msg('step2', e => { enc.writeVarUint(e, 0); sync.writeSyncStep2(e, doc) })
const a = new aw.Awareness(doc); a.setLocalState({ user: { name: 'Ann "A"', color: '#f00' }, cursor: { x: 1.5, y: 2 } })
msg('awareness', e => { enc.writeVarUint(e, 1); enc.writeVarUint8Array(e, aw.encodeAwarenessUpdate(a, [doc.clientID])) })
a.setLocalState(null)
msg('gone', e => { enc.writeVarUint(e, 1); enc.writeVarUint8Array(e, aw.encodeAwarenessUpdate(a, [doc.clientID])) })
out.push('json ' + JSON.stringify([pages.toJSON(), Object.keys(elements.toJSON()).sort(), view.toJSON()]))
writeFileSync('yjs.txt', out.join('\n') + '\n')
process.exit(0)
