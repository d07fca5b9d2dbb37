//! LeanCache as hooks use it, on the store that stands in for Redis.

use std::collections::BTreeMap;
use std::time::Duration;

use hook_sdk::leancache::{self, Command, Error, Reply, pipeline, stand_in};

#[test]
fn values_come_back_as_the_types_that_are_asked_for() {
    leancache::set("text", "héllo").unwrap();
    leancache::set("number", 42).unwrap();
    leancache::set("bytes", [0xff_u8, 0]).unwrap();
    assert_eq!(leancache::get("text"), Ok(Some("héllo".to_owned())));
    assert_eq!(leancache::get("number"), Ok(Some(42_u8 as u32)));
    assert_eq!(leancache::get("number"), Ok(Some(42.0)));
    assert_eq!(leancache::get("bytes"), Ok(Some(vec![0xff_u8, 0])));
    assert_eq!(leancache::get::<String>("nothing"), Ok(None));
    assert!(matches!(leancache::get::<i64>("text"), Err(Error::UnexpectedReply { .. })));
    assert!(matches!(leancache::get::<String>("bytes"), Err(Error::UnexpectedReply { expected: "text", .. })));
}

#[test]
fn several_keys_keep_their_order() {
    leancache::mset([("a", 1), ("c", 3)]).unwrap();
    assert_eq!(leancache::mget(["a", "b", "c"]), Ok(vec![Some(1), None, Some(3)]));
    assert_eq!(leancache::mget::<String>([] as [&str; 0]), Ok(vec![]), "an empty list of keys is allowed");
    assert_eq!(leancache::mset([] as [(&str, &str); 0]), Ok(()));
}

#[test]
fn counters_locks_and_expiry() {
    assert_eq!((leancache::incr("n"), leancache::incr_by("n", 4), leancache::decr("n")), (Ok(1), Ok(5), Ok(4)));
    assert_eq!(leancache::incr_by_float("f", 1.5), Ok(1.5));
    assert_eq!(leancache::set_nx_ex("lock", "me", Duration::from_secs(5)), Ok(true));
    assert_eq!(leancache::set_nx("lock", "you"), Ok(false));
    assert!(leancache::ttl("lock").unwrap().is_some_and(|left| left <= Duration::from_secs(5)));
    stand_in::advance(Duration::from_secs(6));
    assert_eq!(leancache::set_nx("lock", "you"), Ok(true));
    assert_eq!(leancache::ttl("lock"), Ok(None));
    assert_eq!(leancache::expire("lock", Duration::from_secs(1)), Ok(true));
    assert_eq!(leancache::persist("lock"), Ok(true));
    assert_eq!(leancache::expire("nothing", Duration::from_secs(1)), Ok(false));
    assert_eq!(leancache::rename("lock", "key"), Ok(()));
    assert_eq!(
        (leancache::exists("lock"), leancache::del("key"), leancache::del("key")),
        (Ok(false), Ok(true), Ok(false))
    );
    assert_eq!(leancache::get_set("t", "a"), Ok(None::<String>));
    assert_eq!(leancache::append("t", "b"), Ok(2));
    assert_eq!(leancache::get_del("t"), Ok(Some("ab".to_owned())));
}

#[test]
fn hashes_become_maps() {
    assert_eq!(leancache::hset("user", "name", "Tom"), Ok(true));
    assert_eq!(leancache::hset_many("user", [("name", "Tom"), ("city", "Rome")]), Ok(1));
    let all: BTreeMap<String, String> = leancache::hgetall("user").unwrap();
    assert_eq!(all, BTreeMap::from([("city".to_owned(), "Rome".to_owned()), ("name".to_owned(), "Tom".to_owned())]));
    assert_eq!(leancache::hget("user", "name"), Ok(Some("Tom".to_owned())));
    assert_eq!(leancache::hmget("user", ["x", "city"]), Ok(vec![None, Some("Rome".to_owned())]));
    assert_eq!(leancache::hincr_by("user", "visits", 2), Ok(2));
    assert_eq!((leancache::hlen("user"), leancache::hexists("user", "x")), (Ok(3), Ok(false)));
    assert_eq!(leancache::hdel("user", "name"), Ok(true));
}

#[test]
fn lists_and_sets() {
    leancache::rpush("l", "b").unwrap();
    assert_eq!((leancache::lpush("l", "a"), leancache::rpush("l", "c")), (Ok(2), Ok(3)));
    assert_eq!(leancache::lrange("l", 0, -1), Ok(vec!["a".to_owned(), "b".to_owned(), "c".to_owned()]));
    assert_eq!(leancache::lindex("l", -1), Ok(Some("c".to_owned())));
    assert_eq!((leancache::lpop("l"), leancache::rpop("l")), (Ok(Some('a'.to_string())), Ok(Some('c'.to_string()))));
    assert_eq!((leancache::ltrim("l", 0, 0), leancache::llen("l"), leancache::lrem("l", "b")), (Ok(()), Ok(1), Ok(1)));
    assert_eq!(
        (leancache::sadd("s", 1), leancache::sadd("s", 1), leancache::sadd("s", 2)),
        (Ok(true), Ok(false), Ok(true))
    );
    assert_eq!(
        (leancache::scard("s"), leancache::sismember("s", 2), leancache::srem("s", 2)),
        (Ok(2), Ok(true), Ok(true))
    );
    leancache::sadd("t", 3).unwrap();
    assert_eq!(leancache::sunion::<i64>(["s", "t"]).map(|all| all.len()), Ok(2));
    assert_eq!(leancache::sinter::<i64>(["s", "t"]), Ok(vec![]));
    assert_eq!(leancache::sdiff(["s", "t"]), Ok(vec![1]));
    assert_eq!((leancache::smembers("s"), leancache::spop("s")), (Ok(vec![1]), Ok(Some(1))));
}

#[test]
fn a_list_of_the_best() {
    for (name, score) in [("Tom", 3.0), ("Jerry", 5.0), ("Spike", 1.5)] {
        leancache::zadd("scores", name, score).unwrap();
    }
    assert_eq!(leancache::zincr_by("scores", "Spike", 3.0), Ok(4.5));
    let best: Vec<(String, f64)> = leancache::zrevrange_with_scores("scores", 0, 1).unwrap();
    assert_eq!(best, [("Jerry".to_owned(), 5.0), ("Spike".to_owned(), 4.5)]);
    assert_eq!(leancache::zrange_with_scores("scores", 0, 0), Ok(vec![("Tom".to_owned(), 3.0)]));
    assert_eq!(leancache::zrange::<String>("scores", 0, -1).map(|all| all.len()), Ok(3));
    assert_eq!(leancache::zrevrange("scores", 0, 0), Ok(vec!["Jerry".to_owned()]));
    assert_eq!(leancache::zrange_by_score("scores", 4.0, 4.9), Ok(vec!["Spike".to_owned()]));
    assert_eq!((leancache::zrank("scores", "Tom"), leancache::zrevrank("scores", "Tom")), (Ok(Some(0)), Ok(Some(2))));
    assert_eq!((leancache::zscore("scores", "Tom"), leancache::zcard("scores")), (Ok(Some(3.0)), Ok(3)));
    assert_eq!(
        (leancache::zrem("scores", "Tom"), leancache::zrem_range_by_score("scores", 0.0, 9.0)),
        (Ok(true), Ok(2))
    );
}

#[test]
fn a_pipeline_becomes_a_tuple_or_a_list() {
    let set = || Command::new("SET").arg("a").arg(1);
    let answered = pipeline([set(), Command::new("INCR").arg("a"), Command::new("GET").arg("nothing")]);
    assert_eq!(answered, Ok(((), 2_i64, None::<String>)));
    assert_eq!(pipeline([Command::new("INCR").arg("a"), Command::new("INCR").arg("a")]), Ok(vec![3, 4]));
    let wrong = || Command::new("LPUSH").arg("a").arg("x");
    assert!(
        matches!(pipeline::<Vec<i64>>([wrong(), Command::new("INCR").arg("a")]), Err(Error::Command(text)) if text.starts_with("WRONGTYPE"))
    );
    let replies: Vec<Reply> = pipeline([wrong(), Command::new("GET").arg("a")]).unwrap();
    assert_eq!(replies.last(), Some(&Reply::Bulk(b"5".to_vec())), "the others are carried out");
    assert!(matches!(pipeline::<(i64, i64)>([set()]), Err(Error::UnexpectedReply { .. })));
}

#[test]
fn commands_that_the_engine_refuses_are_refused_in_tests_too() {
    let error = Command::new("FLUSHALL").run::<()>().unwrap_err();
    assert!(matches!(&error, Error::Refused(text) if text.contains("`FLUSHALL` is not offered")), "{error}");
}

#[test]
fn a_cache_that_is_down_is_an_error_until_it_is_reset() {
    leancache::set("a", 1).unwrap();
    stand_in::break_down();
    assert!(matches!(leancache::get::<i64>("a"), Err(Error::Unavailable(_))));
    stand_in::reset();
    assert_eq!(leancache::get::<i64>("a"), Ok(None));
}
