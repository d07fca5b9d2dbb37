// Code that calls itself in every way that the engine knows. Each has to end with an exception; the machine's stack must not.
const AV = require('leanengine')

const nest = (open, close, depth, inner = '') => open.repeat(depth) + inner + close.repeat(depth)
const DEEP = 100000

const deepArray = () => {
  let array = []
  for (let depth = 0; depth < DEEP; depth++) array = [array]
  return array
}
const deepObject = () => {
  let object = {}
  for (let depth = 0; depth < DEEP; depth++) object = { object }
  return object
}
const parsed = (text) => () => new Function(text)

const kinds = {
  function() { const f = () => 1 + f(); return f() },
  method() { const o = { m() { return 1 + this.m() } }; return o.m() },
  getter() { const o = { get x() { return 1 + this.x } }; return o.x },
  setter() { const o = { set x(value) { this.x = value } }; o.x = 1 },
  superGetter() { class A { get x() { return this.x } } class B extends A { get x() { return super.x } } return new B().x },
  constructor() { class A { constructor() { new A() } } new A() },
  toString() { const o = { toString() { return '' + o } }; return '' + o },
  toPrimitive() { const o = { [Symbol.toPrimitive]() { return +o } }; return +o },
  hasInstance() { class A { static [Symbol.hasInstance]() { return 1 instanceof A } } return 1 instanceof A },
  iterator() { const o = { [Symbol.iterator]() { return [...o] } }; return [...o] },
  generator() { function * g() { yield * g() } return g().next() },
  spread() { const f = (...values) => f(...values, 1) + 1; return f() },
  map() { const f = () => [1].map(f); return f() },
  sort() { const f = () => [2, 1].sort(f); return f() },
  reduce() { const f = () => [1, 2].reduce(f); return f() },
  arrayFrom() { const f = () => Array.from([1], f); return f() },
  typedArray() { const f = () => new Uint8Array([1]).map(f); return f() },
  species() { class A extends Array { static get [Symbol.species]() { return new A(1).map((x) => x) } } return new A(1).map((x) => x) },
  replace() { const f = () => 'a'.replace(/a/, f); return f() },
  split() { const f = () => 'a'.split({ [Symbol.split]: f }); return f() },
  reflect() { const f = () => Reflect.apply(f, null, []); return f() },
  applied() { const f = () => f.call.apply(f, [null]); return f() },
  proxyGet() { const p = new Proxy({}, { get: (target, key, receiver) => receiver[key] }); return p.x },
  proxyDefine() { const p = new Proxy({}, { defineProperty() { return Reflect.defineProperty(p, 'a', {}) } }); Object.defineProperty(p, 'a', {}) },
  proxyKeys() { const p = new Proxy({}, { ownKeys: () => Object.keys(p) }); return Object.keys(p) },
  proxies() { let p = {}; for (let depth = 0; depth < DEEP; depth++) p = new Proxy(p, {}); return p.x },
  evaluated() { const f = () => eval('f()'); return f() },
  parseArray() { return JSON.parse(nest('[', ']', DEEP)) },
  parseObject() { return JSON.parse(nest('{"a":', '}', DEEP, '1')) },
  reviver() { const f = () => JSON.parse('[1]', f); return f() },
  stringifyArray() { return JSON.stringify(deepArray()) },
  stringifyObject() { return JSON.stringify(deepObject()) },
  toJSON() { const o = { toJSON: () => JSON.stringify(o) }; return JSON.stringify(o) },
  flat() { return deepArray().flat(Infinity) },
  joined() { return String(deepArray()) },
  cloned() { return structuredClone(deepArray()) },
  parentheses: parsed('return ' + nest('(', ')', DEEP, '1')),
  arrays: parsed('return ' + nest('[', ']', DEEP)),
  objects: parsed('return ' + nest('{a:', '}', DEEP, '1')),
  templates: parsed('return ' + nest('`${', '}`', DEEP, '1')),
  classes: parsed(nest('class A{static x=', '}', DEEP, '1')),
  functions: parsed(nest('function f(){', '}', DEEP)),
  arrows: parsed('return ' + '(a)=>'.repeat(DEEP) + '1'),
  blocks: parsed(nest('{', '}', DEEP)),
  ifs: parsed('if(1)'.repeat(DEEP) + ';'),
  calls: parsed('return ' + nest('f(', ')', DEEP)),
  unary: parsed('return ' + '!'.repeat(DEEP) + '1'),
  powers: parsed('return ' + '2**'.repeat(DEEP) + '1'),
  conditions: parsed('return ' + '1?'.repeat(DEEP) + '1' + ':1'.repeat(DEEP)),
  assignments: parsed('var a;' + 'a='.repeat(DEEP) + '1'),
  constructions: parsed('return ' + 'new '.repeat(DEEP) + 'X'),
  destructuring: parsed('let ' + nest('[', ']', DEEP, 'a') + '=[]'),
  pattern() { return new RegExp(nest('(?:', ')', DEEP, 'a')) },
  lookahead() { return new RegExp(nest('(?=', ')', DEEP, 'a')) }
}

AV.Cloud.define('kinds', () => Object.keys(kinds))
AV.Cloud.define('run', (request) => {
  try {
    kinds[request.params.kind]()
    return 'returned'
  } catch (error) {
    return error.name
  }
})
