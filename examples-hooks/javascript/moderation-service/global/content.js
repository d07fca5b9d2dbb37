// The texts of a message as its readers see them. What stands here is there for all handlers.

/** `undefined` for what some clients may show as something else than others. */
function textsOf(content) {
  const message = parsed(content);
  if (message === null) return [content];
  return message && texts(message);
}

/** The content with this in place of its only text. */
function withText(content, text) {
  const message = parsed(content);
  if (message === null) return text;
  return JSON.stringify(message, (key, value) => (typeof value === 'string' ? text : value));
}

/** A rich message, `null` for plain text, `undefined` for what is almost JSON. */
function parsed(content) {
  try {
    const value = JSON.parse(content);
    return typeof value === 'object' ? value : null;
  } catch {
    return /^[\s\p{Cc}\ufeff]*\{/u.test(content) ? undefined : null;
  }
}

function texts(value) {
  const found = [];
  // Neither recursion nor a limit of depth: a message has 5 KB.
  for (const open = [value]; open.length > 0; ) {
    const next = open.pop();
    if (typeof next === 'string') found.push(next);
    else if (typeof next === 'object' && next !== null) open.push(...Object.values(next));
  }
  return found;
}
