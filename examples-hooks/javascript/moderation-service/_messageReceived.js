// Lets a moderation service decide about messages. This is the body of the handler, as the online editor keeps it.

const { bin, content, fromPeer } = request.params;
if (bin) return null;
const texts = textsOf(content);
if (texts === undefined) return { drop: true, code: 9002, detail: 'this message cannot be read' };

const verdict = await review({ text: texts.join('\n'), user: fromPeer });
if (verdict.result === 0) return null;
// Where it is not known which of several texts the filtered one is, the message is dropped.
if (verdict.filtered_text !== undefined && texts.length === 1) return { content: withText(content, verdict.filtered_text) };
return { drop: true };
