//! Which lines of a log are compared.

/// Begins the frames of an exception in Python; they are indented.
const TRACEBACK: &str = "Traceback (most recent call last)";
/// How LeanCloud's SDKs begin what they write of a call themselves.
const OF_SDK: [&str; 4] = ["LeanEngine: ", "INFO:leancloud.", "WARNING:leancloud.", "ERROR:leancloud."];
/// What the access log of a web server has of a call.
const ACCESS: &str = "\"POST /1.1/functions/";

/// What the functions wrote, and the texts of exceptions without their frames.
pub fn comparable(lines: &[String]) -> Vec<String> {
    let mut is_in_traceback = false;
    let mut kept = Vec::new();
    for line in lines {
        let is_indented = line.starts_with([' ', '\t']);
        is_in_traceback = line.starts_with(TRACEBACK) || (is_in_traceback && is_indented);
        let text = line.trim();
        let is_of_sdk = OF_SDK.iter().any(|begin| text.starts_with(begin)) || text.contains(ACCESS);
        let is_frame = is_in_traceback || (is_indented && text.starts_with("at "));
        if !text.is_empty() && !is_of_sdk && !is_frame {
            kept.push(text.to_owned());
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_and_lines_of_the_sdk_and_of_servers_are_left_out() {
        let log = r#"LeanEngine: /f: 500: Error: no
hello
  two
TypeError: no
    at f (/app/cloud.js:1:1)
INFO:leancloud.cloudcode.cloudcode:f is called!
Traceback (most recent call last):
  File "cloud.py", line 7, in f
    return a.b
           ^^^
AttributeError: no
127.0.0.1 - - [2026-01-01 00:00:00] "POST /1.1/functions/f HTTP/1.1" 500 180 0.000517
"#;
        let lines: Vec<String> = log.lines().map(str::to_owned).collect();
        assert_eq!(comparable(&lines), ["hello", "two", "TypeError: no", "AttributeError: no"]);
    }
}
