'use strict';
const { TransformStream } = require('web:streams');

class TextDecoderStream {
  constructor(label, options) {
    const decoder = new TextDecoder(label, options);
    const { readable, writable } = new TransformStream({
      transform(chunk, controller) {
        const text = decoder.decode(chunk, { stream: true });
        if (text !== '') controller.enqueue(text);
      },
      flush(controller) {
        const text = decoder.decode();
        if (text !== '') controller.enqueue(text);
      },
    });
    Object.assign(this, {
      readable,
      writable,
      encoding: decoder.encoding,
      fatal: decoder.fatal,
      ignoreBOM: decoder.ignoreBOM,
    });
  }
}

class TextEncoderStream {
  constructor() {
    const encoder = new TextEncoder();
    let half = '';
    const { readable, writable } = new TransformStream({
      transform(chunk, controller) {
        let text = half + chunk;
        half = /[\ud800-\udbff]$/.test(text) ? text.slice(-1) : '';
        if (half) text = text.slice(0, -1);
        if (text !== '') controller.enqueue(encoder.encode(text));
      },
      flush(controller) {
        if (half) controller.enqueue(encoder.encode(half));
      },
    });
    Object.assign(this, { readable, writable, encoding: 'utf-8' });
  }
}

module.exports = { TextDecoderStream, TextEncoderStream };
