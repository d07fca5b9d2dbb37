'use strict'
// What hooks print most, such as the params of a call, formatted without the inspector: plain objects, short lists, texts and
// numbers. It gives the same text in a fifth of the time, or nothing, and then the inspector is asked.
const DEPTH = 2
const LINE_WIDTH = 80
/** Longer lists are laid out in columns. */
const MOST_ITEMS = 6
const MOST_TEXT = 10_000

const { getOwnPropertyDescriptor, getOwnPropertySymbols, getPrototypeOf, keys: keysOf } = Object
const { isArray } = Array
const ObjectPrototype = Object.prototype
const ArrayPrototype = Array.prototype

const needsCare = /[\x00-\x1f\x27\x5c\x7f-\x9f\ud800-\udfff]/
const plainKey = /^[a-zA-Z_][a-zA-Z_0-9]*$/

/** Thrown where only the inspector knows. */
const unknown = {}

function text(value) {
  if (value.length > MOST_TEXT || needsCare.test(value)) throw unknown
  return `'${value}'`
}

/** `outer` are the objects around the value; `column` is how far it is moved to the right. */
function format(value, outer, column) {
  switch (typeof value) {
    case 'string':
      return text(value)
    case 'number':
      return value === 0 && 1 / value < 0 ? '-0' : `${value}`
    case 'boolean':
    case 'undefined':
      return `${value}`
    case 'bigint':
      return `${value}n`
    case 'object':
      return value === null ? 'null' : formatObject(value, outer, column)
    default:
      throw unknown
  }
}

function formatObject(value, outer, column) {
  const isList = isArray(value)
  if (getPrototypeOf(value) !== (isList ? ArrayPrototype : ObjectPrototype)) throw unknown
  const keys = keysOf(value)
  if (getOwnPropertySymbols(value).length > 0) throw unknown
  if (isList && (keys.length !== value.length || keys.length > MOST_ITEMS)) throw unknown
  if (keys.length === 0) return isList ? '[]' : '{}'
  if (outer.length > DEPTH) return isList ? '[Array]' : '[Object]'
  if (outer.includes(value)) throw unknown
  outer.push(value)
  const parts = []
  let width = 2 * keys.length + column + 11
  let isOneLine = true
  for (const key of keys) {
    if (key === 'constructor') throw unknown
    const property = getOwnPropertyDescriptor(value, key)
    if (!('value' in property)) throw unknown
    const shown = format(property.value, outer, column + 2)
    const part = isList ? shown : `${plainKey.test(key) ? key : text(key)}: ${shown}`
    width += part.length
    if (isOneLine && part.includes('\n')) isOneLine = false
    parts.push(part)
  }
  outer.pop()
  const [open, close] = isList ? '[]' : '{}'
  if (isOneLine && width <= LINE_WIDTH) return `${open} ${parts.join(', ')} ${close}`
  const indentation = `\n${' '.repeat(column)}`
  return `${open}${indentation}  ${parts.join(`,${indentation}  `)}${indentation}${close}`
}

/** The arguments of a console method as a line, or undefined. */
function quickFormat(values) {
  let line = ''
  const [first] = values
  if (typeof first === 'string' && values.length > 1 && first.includes('%')) return undefined
  try {
    for (let at = 0; at < values.length; at++) {
      if (at > 0) line += ' '
      const value = values[at]
      line += typeof value === 'string' ? value : format(value, [], 0)
    }
  } catch (thrown) {
    if (thrown !== unknown) throw thrown
    return undefined
  }
  return line
}

module.exports = { quickFormat }
