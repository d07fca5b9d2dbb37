'use strict';

/** AV.Cloud.Error: a refusal that the caller is to see. */
class CloudError extends Error {
  constructor(message, extra) {
    super(message);
    this.name = 'CloudError';
    this.status = 400;
    Object.assign(this, extra);
    if (this.status === undefined) this.status = 400;
  }
}

module.exports = CloudError;
