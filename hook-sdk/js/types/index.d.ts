// What `require('leanengine')` gives to a project that runs in hookd. Modules by name, not files: with this file and hooks.d.ts
// anywhere in a TypeScript project they count, also where the package `leanengine` is installed.
declare module 'leanengine' {
  import type { HookParams, HookReplies } from 'leanengine/hooks'

  export = AV

  namespace AV {
    /** Values in force are the ones of the engine; those given here are accepted. */
    function init(options: InitOptions): void
    function init(appId: string, appKey: string, masterKey?: string): void
    function initialize(options: InitOptions): void
    function initialize(appId: string, appKey: string, masterKey?: string): void
    function setProduction(production: boolean | number): void
    function setServerURL(url: string): void
    function setServerURLs(urls: string | Record<string, string>): void
    const applicationId: string | undefined
    const applicationKey: string | undefined
    const masterKey: string | undefined
    const hookKey: string | undefined
    const VERSION: string
    const version: string

    interface InitOptions {
      appId?: string
      appKey?: string
      masterKey?: string
      hookKey?: string
      serverURL?: string
      serverURLs?: string | Record<string, string>
    }

    /** For the web frameworks of starter projects; lets every request pass, as pages are not served here. */
    function express(options?: Record<string, unknown>): Middleware
    function koa(options?: Record<string, unknown>): any
    function koa2(options?: Record<string, unknown>): (context: any, next: () => Promise<unknown>) => Promise<unknown>

    type Middleware = (request: any, response: any, next: (error?: unknown) => void) => void

    /** One call of a function or hook. */
    interface Request<Params = any> {
      readonly params: Params
      readonly meta: { readonly remoteAddress?: string }
      /** Absent without a valid session, and on every hook of the IM service. */
      readonly currentUser?: User
      readonly user?: User
      readonly sessionToken?: string
      /** Of class hooks only, which are never fired. */
      readonly object?: any
      /** The HTTP request behind the call: `headers` with keys in lower case, `method`, `url`, `body`. */
      readonly expressReq: any
    }

    /** Of handlers with two parameters, which answer through it and never by what they return. */
    interface Response {
      success(result?: unknown): void
      error(error?: unknown): void
    }

    interface DefineOptions {
      /** False: the session token is not exchanged for a user. */
      fetchUser?: boolean
      /** True: only the app itself, and callers with the master key or the hook key, may call it. */
      internal?: boolean
    }

    /** Nothing, null and `{}` mean that the hook has no opinion. */
    type Answer<Reply> = Reply | null | undefined | void
    type Handler<Params = any, Reply = unknown> = (
      request: Request<Params>,
      response: Response
    ) => Answer<Reply> | PromiseLike<Answer<Reply>>

    type HookName = keyof HookParams
    type ParamsOf<Name> = Name extends HookName ? HookParams[Name] : any
    type ReplyOf<Name> = Name extends HookName ? HookReplies[Name] : unknown
    type HookHandler<Name extends HookName> = Handler<HookParams[Name], HookReplies[Name]>

    /** `AV.Cloud.onIMMessageReceived` and its sisters. */
    interface Register<Name extends HookName> {
      (handler: HookHandler<Name>): void
      (options: DefineOptions, handler: HookHandler<Name>): void
    }

    interface RunOptions {
      user?: User
      sessionToken?: string
      /** The request behind the call, for `meta.remoteAddress`. */
      req?: unknown
      /** True: ask over HTTP, also for a function of another module. */
      remote?: boolean
    }

    namespace Cloud {
      /** Names with the underscore of a hook give the handler that hook's types. */
      function define<Name extends string>(name: Name, handler: Handler<ParamsOf<Name>, ReplyOf<Name>>): void
      function define<Name extends string>(
        name: Name,
        options: DefineOptions,
        handler: Handler<ParamsOf<Name>, ReplyOf<Name>>
      ): void

      const onIMMessageReceived: Register<'_messageReceived'>
      const onIMMessageSent: Register<'_messageSent'>
      const onIMMessageUpdate: Register<'_messageUpdate'>
      const onIMReceiversOffline: Register<'_receiversOffline'>
      const onIMConversationStart: Register<'_conversationStart'>
      const onIMConversationStarted: Register<'_conversationStarted'>
      const onIMConversationAdd: Register<'_conversationAdd'>
      const onIMConversationAdded: Register<'_conversationAdded'>
      const onIMConversationRemove: Register<'_conversationRemove'>
      const onIMConversationRemoved: Register<'_conversationRemoved'>
      const onIMConversationUpdate: Register<'_conversationUpdate'>
      const onIMClientOnline: Register<'_clientOnline'>
      const onIMClientOffline: Register<'_clientOffline'>
      const onIMClientSign: Register<'_rtmClientSign'>

      /** A refusal that the caller sees: status 400 and code 1 unless `extra` says otherwise. */
      class Error extends globalThis.Error {
        constructor(message?: string, extra?: { code?: number; status?: number; [name: string]: unknown })
        code?: number
        status: number
      }

      /** Calls a function of this module, without HTTP and without a check of keys. */
      function run<Result = any>(name: string, params?: any, options?: RunOptions): Promise<Result>
      function rpc<Result = any>(name: string, params?: any, options?: RunOptions): Promise<Result>

      /** What is defined, by name. */
      const functions: { readonly [name: string]: Handler }

      function useMasterKey(): void
      function start(): Promise<void>
      function stop(): Promise<void>
      function getServerDate(): Promise<Date>
      function CookieSession(options?: Record<string, unknown>): Middleware
      function HttpsRedirect(options?: Record<string, unknown>): Middleware
      function LeanCloudHeaders(options?: Record<string, unknown>): Middleware

      /** Accepted and listed, and never fired: there is no object storage. */
      function beforeSave(className: string, handler: Handler): void
      function afterSave(className: string, handler: Handler): void
      function beforeUpdate(className: string, handler: Handler): void
      function afterUpdate(className: string, handler: Handler): void
      function beforeDelete(className: string, handler: Handler): void
      function afterDelete(className: string, handler: Handler): void
      function onVerified(type: 'sms' | 'email', handler: Handler): void
      function onLogin(handler: Handler): void
      function onAuthData(handler: Handler): void

      /** Rejects: no provider of short messages is set up here. */
      function requestSmsCode(options: string | Record<string, unknown>): Promise<never>
      function verifySmsCode(code: string, phone?: string): Promise<never>
      /** Rejects: there is no queue of tasks here. */
      function enqueue(name: string, params?: any, options?: Record<string, unknown>): Promise<never>
      function getTaskInfo(id: string): Promise<never>
    }

    namespace Insight {
      function on(event: string, handler: Handler): void
    }

    /** Holds values in memory. What asks the object storage rejects, as there is none. */
    class Object {
      constructor(attributes?: Record<string, unknown>, options?: Record<string, unknown>)
      constructor(className: string, attributes?: Record<string, unknown>)
      id?: string
      className: string
      createdAt?: Date
      updatedAt?: Date
      get(name: string): any
      set(name: string, value: unknown): this
      set(attributes: Record<string, unknown>): this
      toJSON(): any
      save(...options: unknown[]): Promise<never>
      fetch(...options: unknown[]): Promise<never>
      destroy(...options: unknown[]): Promise<never>
      [name: string]: any
      static extend(className: string, prototype?: object, statics?: object): typeof Object
      static createWithoutData(className: string, id: string): Object
      static saveAll(objects: Object[], options?: object): Promise<never>
      static fetchAll(objects: Object[], options?: object): Promise<never>
      static destroyAll(objects: Object[], options?: object): Promise<never>
    }

    class User extends Object {
      getUsername(): string
      getSessionToken(): string | undefined
    }

    class Query<Found = Object> {
      constructor(type: string | (new (...options: any[]) => Found))
      /** Each condition answers the query itself. */
      [condition: string]: any
      find(...options: unknown[]): Promise<never>
      first(...options: unknown[]): Promise<never>
      count(...options: unknown[]): Promise<never>
      get(id: string, ...options: unknown[]): Promise<never>
    }

    class ACL {
      constructor(owner?: unknown)
      [name: string]: any
    }

    class File {
      constructor(name: string, data?: unknown, type?: string)
      [name: string]: any
    }

    class GeoPoint {
      constructor(latitude?: any, longitude?: number)
      latitude: number
      longitude: number
    }

    function parseJSON(json: unknown): any
  }
}
