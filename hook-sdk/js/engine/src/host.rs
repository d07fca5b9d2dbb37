//! `globalThis.__host`: what the shim gets from the engine.

use rquickjs::function::{Func, Opt};
use rquickjs::{Array, Ctx, Exception, FromJs, Object, Persistent, TypedArray, Value};

use crate::bytes::Bytes;
use crate::text::Text;
use crate::{clock, deadline, encoding, engine, environment, hashes, leancache, log, preparation, random, timers};

/// What `random` gives at once.
const MAX_RANDOM_BYTES: usize = 16 << 20;

/// A word of a command: a text, or bytes.
struct Word(Vec<u8>);

impl<'js> FromJs<'js> for Word {
    fn from_js(ctx: &Ctx<'js>, value: Value<'js>) -> rquickjs::Result<Self> {
        if value.is_object() {
            Bytes::from_js(ctx, value).map(|bytes| Self(bytes.0))
        } else {
            Text::from_js(ctx, value).map(|text| Self(text.0.into_bytes()))
        }
    }
}

/// Makes the object. `bundle` is the app.
pub(crate) fn object<'js>(ctx: &Ctx<'js>, bundle: Object<'js>) -> rquickjs::Result<Object<'js>> {
    let host = Object::new(ctx.clone())?;
    host.set("log", Func::from(|level: String, text: Text| log::write(&level, &text.0)))?;
    host.set("environment", Func::from(|ctx: Ctx<'js>| environment::object(&ctx)))?;
    host.set("preparing", Func::from(preparation::is_preparing))?;
    host.set("monotonicNow", Func::from(clock::now))?;
    host.set("setUtcOffset", Func::from(clock::set_utc_offset))?;
    host.set("deadlineMs", Func::from(deadline::milliseconds_left))?;
    host.set("timerRef", Func::from(|id: u32, keeps_alive: bool| timers::set_keeps_alive(id, keeps_alive)))?;
    host.set(
        "evaluate",
        Func::from(|ctx: Ctx<'js>, source: Text, file: Text| engine::evaluate_text(&ctx, source, &file.0)),
    )?;
    host.set(
        "leancache",
        Func::from(|ctx: Ctx<'js>, commands: Vec<Vec<Word>>| {
            let commands: Vec<Vec<Vec<u8>>> =
                commands.into_iter().map(|words| words.into_iter().map(|word| word.0).collect()).collect();
            leancache::pipeline(&ctx, &commands)
        }),
    )?;
    define_bytes(&host)?;
    define_files(ctx, &host, bundle)?;
    #[cfg(feature = "http")]
    crate::http::define(&host)?;
    let math: Object<'js> = ctx.globals().get("Math")?;
    math.set("random", Func::from(random::fraction))?;
    Ok(host)
}

fn define_bytes<'js>(host: &Object<'js>) -> rquickjs::Result<()> {
    host.set(
        "random",
        Func::from(|ctx: Ctx<'js>, length: usize| {
            if length > MAX_RANDOM_BYTES {
                return Err(Exception::throw_range(
                    &ctx,
                    &format!("more than {MAX_RANDOM_BYTES} random bytes at once"),
                ));
            }
            TypedArray::new(ctx, random::bytes(length))
        }),
    )?;
    host.set(
        "hash",
        Func::from(|ctx: Ctx<'js>, algorithm: String, data: Bytes| {
            digest(ctx, &algorithm, hashes::hash(&algorithm, &data.0))
        }),
    )?;
    host.set(
        "hmac",
        Func::from(|ctx: Ctx<'js>, algorithm: String, key: Bytes, data: Bytes| {
            digest(ctx, &algorithm, hashes::hmac(&algorithm, &key.0, &data.0))
        }),
    )?;
    host.set("utf8Encode", Func::from(|ctx: Ctx<'js>, text: Text| TypedArray::new(ctx, text.0.into_bytes())))?;
    host.set(
        "utf8Decode",
        Func::from(|ctx: Ctx<'js>, bytes: Bytes, fatal: Opt<bool>| {
            encoding::utf8_decode(&ctx, bytes.0, fatal.0 == Some(true))
        }),
    )?;
    host.set("base64Encode", Func::from(|bytes: Bytes| encoding::base64_encode(&bytes.0)))?;
    host.set(
        "base64Decode",
        Func::from(|ctx: Ctx<'js>, text: Text| TypedArray::new(ctx, encoding::base64_decode(&text.0))),
    )
}

fn digest<'js>(ctx: Ctx<'js>, algorithm: &str, bytes: Option<Vec<u8>>) -> rquickjs::Result<TypedArray<'js, u8>> {
    match bytes {
        Some(bytes) => TypedArray::new(ctx, bytes),
        None => Err(Exception::throw_message(&ctx, &format!("there is no digest {algorithm}"))),
    }
}

/// The modules and files of the app.
fn define_files<'js>(ctx: &Ctx<'js>, host: &Object<'js>, bundle: Object<'js>) -> rquickjs::Result<()> {
    let about = Object::new(ctx.clone())?;
    about.set("entry", bundle.get::<_, Value<'js>>("entry")?)?;
    about.set("name", bundle.get::<_, Value<'js>>("name")?)?;
    host.set("bundle", about)?;
    let part = |name: &str| -> rquickjs::Result<Object<'js>> {
        let part = match bundle.get::<_, Option<Object<'js>>>(name)? {
            Some(part) => part,
            None => Object::new(ctx.clone())?,
        };
        // Paths are any texts, `constructor` too.
        part.set_prototype(None)?;
        Ok(part)
    };
    let [modules, files, binary_files] = [part("modules")?, part("files")?, part("binaryFiles")?];

    let paths = Array::new(ctx.clone())?;
    for path in [&modules, &files, &binary_files].into_iter().flat_map(|part| part.keys::<Value<'js>>()) {
        paths.set(paths.len(), path?)?;
    }
    let paths = Persistent::save(ctx, paths);
    host.set("paths", Func::from(move |ctx: Ctx<'js>| paths.clone().restore(&ctx)))?;

    let modules = Persistent::save(ctx, modules);
    host.set(
        "moduleSource",
        Func::from(move |ctx: Ctx<'js>, path: Value<'js>| modules.clone().restore(&ctx)?.get::<_, Value<'js>>(path)),
    )?;

    let [files, binary_files] = [files, binary_files].map(|part| Persistent::save(ctx, part));
    host.set(
        "fileBytes",
        Func::from(move |ctx: Ctx<'js>, path: Value<'js>| {
            let text = files.clone().restore(&ctx)?.get::<_, Option<Text>>(path.clone())?;
            let bytes = match text {
                Some(text) => Some(text.0.into_bytes()),
                None => {
                    let text = binary_files.clone().restore(&ctx)?.get::<_, Option<Text>>(path)?;
                    text.map(|text| encoding::base64_decode(&text.0))
                }
            };
            bytes.map(|bytes| TypedArray::new(ctx, bytes)).transpose()
        }),
    )
}
