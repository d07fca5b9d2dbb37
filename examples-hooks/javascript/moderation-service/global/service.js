// The moderation service, which the app's variables name.

/** Asks about a text; rejects unless the service gives a verdict. */
function review(question) {
  const { MODERATION_URL: url, MODERATION_SECRET: secret } = process.env;
  if (!url) throw new Error('MODERATION_URL is not set; `hookd env set MODERATION_URL=…` sets it');
  const { request } = url.startsWith('http:') ? require('http') : require('https');
  const headers = { 'content-type': 'application/json', 'x-moderation-secret': secret };
  return new Promise((resolve, reject) => {
    // The sender waits meanwhile.
    const asking = request(url, { method: 'POST', headers, timeout: 2000 }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (part) => (text += part));
      answer.on('error', reject);
      answer.on('end', () => {
        if (answer.statusCode !== 200) return reject(new Error(`the moderation service answered ${answer.statusCode}`));
        try {
          resolve(JSON.parse(text));
        } catch (error) {
          reject(error);
        }
      });
    });
    asking.on('timeout', () => asking.destroy(new Error('the moderation service took too long')));
    asking.on('error', reject);
    asking.end(JSON.stringify(question));
  });
}
