'use strict';
// AV.User, AV.Role, AV.File and AV.ACL.
const { network } = require('./_network');
const { AVObject } = require('./_object');

class User extends AVObject {
  getSessionToken() {
    return this._sessionToken;
  }

  getUsername() {
    return this.get('username');
  }

  setUsername(name) {
    return this.set('username', name);
  }

  setPassword(password) {
    return this.set('password', password);
  }

  getEmail() {
    return this.get('email');
  }

  setEmail(email) {
    return this.set('email', email);
  }

  getMobilePhoneNumber() {
    return this.get('mobilePhoneNumber');
  }

  setMobilePhoneNumber(number) {
    return this.set('mobilePhoneNumber', number);
  }

  isCurrent() {
    return false;
  }

  authenticated() {
    return this._sessionToken !== undefined;
  }

  static current() {
    return null;
  }

  static currentAsync() {
    return Promise.resolve(null);
  }
}
User._className = '_User';
network(User.prototype, 'AV.User.', [
  'signUp',
  'logIn',
  'follow',
  'unfollow',
  'getRoles',
  'isAuthenticated',
  'refreshSessionToken',
  'updatePassword',
  'associateWithAuthData',
  'dissociateAuthData',
  'followerQuery',
]);
network(User, 'AV.User.', [
  'signUp',
  'logIn',
  'become',
  'logOut',
  'loginWithAuthData',
  'loginWithWeapp',
  'loginAnonymously',
  'logInWithMobilePhone',
  'logInWithMobilePhoneSmsCode',
  'signUpOrlogInWithMobilePhone',
  'logInWithEmail',
  'requestPasswordReset',
  'requestEmailVerify',
  'requestMobilePhoneVerify',
  'requestPasswordResetBySmsCode',
  'requestLoginSmsCode',
  'verifyMobilePhone',
  'resetPasswordBySmsCode',
]);

class Role extends AVObject {
  constructor(name, acl) {
    super('_Role', { name, ACL: acl });
  }

  getName() {
    return this.get('name');
  }

  getUsers() {
    return this.relation('users');
  }

  getRoles() {
    return this.relation('roles');
  }
}
Role._className = '_Role';

class File extends AVObject {
  constructor(name, data, mimeType) {
    super('_File', { name });
    this._data = data;
    if (mimeType) this.attributes.mime_type = mimeType;
  }

  name() {
    return this.get('name');
  }

  url() {
    return this.get('url');
  }

  metaData(name, value) {
    const data = (this.attributes.metaData ??= {});
    if (value !== undefined) data[name] = value;
    return name === undefined ? data : data[name];
  }

  size() {
    return this.metaData('size');
  }

  static withURL(name, url) {
    const file = new File(name);
    file.attributes.url = url;
    return file;
  }

  static createWithoutData(id) {
    const file = new File();
    file.id = id;
    return file;
  }
}
File._className = '_File';

class ACL {
  constructor(user) {
    this.permissionsById = {};
    if (user instanceof User) {
      this.setReadAccess(user, true);
      this.setWriteAccess(user, true);
    } else if (user !== null && typeof user === 'object') Object.assign(this.permissionsById, user);
  }

  _set(kind, who, allowed) {
    const id = who instanceof Role ? `role:${who.getName()}` : who instanceof AVObject ? who.id : who;
    const one = (this.permissionsById[id] ??= {});
    if (allowed) one[kind] = true;
    else delete one[kind];
  }

  _get(kind, who) {
    const id = who instanceof Role ? `role:${who.getName()}` : who instanceof AVObject ? who.id : who;
    return Boolean(this.permissionsById[id]?.[kind]);
  }

  toJSON() {
    return { ...this.permissionsById };
  }
}
for (const kind of ['Read', 'Write']) {
  const key = kind.toLowerCase();
  Object.assign(ACL.prototype, {
    [`set${kind}Access`](who, allowed) {
      this._set(key, who, allowed);
    },
    [`get${kind}Access`](who) {
      return this._get(key, who);
    },
    [`setPublic${kind}Access`](allowed) {
      this._set(key, '*', allowed);
    },
    [`getPublic${kind}Access`]() {
      return this._get(key, '*');
    },
    [`setRole${kind}Access`](role, allowed) {
      this._set(key, `role:${role instanceof Role ? role.getName() : role}`, allowed);
    },
    [`getRole${kind}Access`](role) {
      return this._get(key, `role:${role instanceof Role ? role.getName() : role}`);
    },
  });
}

module.exports = { ACL, File, Role, User };
