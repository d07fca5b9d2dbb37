// What has to be another in each instance, and what has to be the same.
const AV = require('leanengine')

const atLoad = { random: Math.random(), uuid: crypto.randomUUID(), date: Date.now(), zone: new Date(0).getTimezoneOffset() }
const kept = new Map([['words', ['darn']]])
const started = []
setTimeout(() => started.push('timer'), 1)
setInterval(() => started.push('interval'), 1000000)

AV.Cloud.define('atLoad', () => atLoad)
AV.Cloud.define('random', () => [Math.random(), Math.random(), crypto.randomUUID()])
AV.Cloud.define('now', () => [Date.now(), new Date().toISOString(), new Date().getTimezoneOffset()])
AV.Cloud.define('kept', () => { kept.get('words').push('heck'); return kept.get('words') })
AV.Cloud.define('timers', async () => {
  while (started.length === 0) await new Promise((resolve) => setTimeout(resolve, 1))
  return started
})

// Objects of before the snapshot and of the call, in cycles, changed and dropped, over and over.
const held = { old: [], shapes: {} }
for (let index = 0; index < 1000; index++) held.old.push({ index, text: 'text ' + index })
AV.Cloud.define('churn', () => {
  for (let round = 0; round < 300; round++) {
    for (let index = 0; index < 1000; index++) {
      const one = { index, before: held.old[index], text: held.old[index].text + round }
      one.self = one
      held.old[index].latest = one
      held.shapes['key' + (index + round) % 500] = one
      if (round % 3 === 0) delete held.shapes['key' + index % 500]
    }
    held.old[round].text += '!'
  }
  const texts = held.old.map((one) => one.text)
  return [texts[0], texts[299], texts[300], texts[999], held.old[5].latest.self.before === held.old[5], held.old[7].latest.text]
})
