//! Reads a connection string: a URL or `key=value` pairs, as libpq does.
//!
//! Never repeats a part of it in a message: a password that is not percent-encoded may be anywhere.

use flows_core::error::{Error, ErrorKind, Result};

use super::keys::is_known;

/// Settings in the order in which they stand; of two equal keys the last one counts.
pub(super) type Pairs = Vec<(String, String)>;

/// Reads a connection string.
pub(super) fn pairs(text: &str) -> Result<Pairs> {
    let text = text.trim();
    let rest = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"));
    match rest {
        _ if text.contains('\0') => Err(unreadable("it contains a NUL character")),
        Some(rest) => url(rest),
        None if text.contains("://") => Err(unreadable("its scheme is not `postgres`")),
        None => words(text),
    }
}

/// What is wrong, and how a connection string looks.
pub(super) fn unreadable(cause: &str) -> Error {
    let message = format!(
        "cannot read the connection string ({cause}); it looks like \
         postgres://user:password@host:5432/database, where a password with any of `@ : / ? # %` or \
         a space is percent-encoded (`@` is `%40`, `/` is `%2F`, `#` is `%23`, `%` is `%25`)"
    );
    Error::new(ErrorKind::Configuration, message)
}

fn url(rest: &str) -> Result<Pairs> {
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let (path, query) = tail.split_once('?').unwrap_or((tail, ""));
    let mut pairs = Vec::new();
    let hosts = match authority.split_once('@') {
        Some((_, hosts)) if hosts.contains('@') => {
            return Err(unreadable("there is more than one `@` in front of the database"));
        }
        Some((login, hosts)) => {
            credentials(login, &mut pairs)?;
            hosts
        }
        None => authority,
    };
    addresses(hosts, &mut pairs)?;
    let database = path.strip_prefix('/').unwrap_or(path);
    if database.contains('@') {
        return Err(unreadable("there is a `@` in the name of the database"));
    }
    if !database.is_empty() {
        pairs.push(("dbname".into(), decoded(database)?));
    }
    parameters(query, &mut pairs)?;
    Ok(pairs)
}

fn credentials(login: &str, pairs: &mut Pairs) -> Result<()> {
    let (user, password) =
        login.split_once(':').map_or((login, None), |(user, password)| (user, Some(password)));
    if !user.is_empty() {
        pairs.push(("user".into(), decoded(user)?));
    }
    if let Some(password) = password.filter(|password| !password.is_empty()) {
        pairs.push(("password".into(), decoded(password)?));
    }
    Ok(())
}

/// `host:port,host:port`.
fn addresses(text: &str, pairs: &mut Pairs) -> Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    let (mut hosts, mut ports) = (Vec::new(), Vec::new());
    for address in text.split(',') {
        let (host, port) = address_of(address)?;
        if !port.is_empty() && port.parse::<u16>().is_err() {
            return Err(unreadable("a port is not a number"));
        }
        hosts.push(decoded(host)?);
        ports.push(port);
    }
    pairs.push(("host".into(), hosts.join(",")));
    if ports.iter().any(|port| !port.is_empty()) {
        pairs.push(("port".into(), ports.join(",")));
    }
    Ok(())
}

fn address_of(address: &str) -> Result<(&str, &str)> {
    if let Some(rest) = address.strip_prefix('[') {
        let (host, port) = rest.split_once(']').ok_or_else(|| unreadable("a `]` is missing"))?;
        return match port.strip_prefix(':') {
            Some(port) => Ok((host, port)),
            None if port.is_empty() => Ok((host, "")),
            None => Err(unreadable("there is something between `]` and the port")),
        };
    }
    Ok(address.split_once(':').unwrap_or((address, "")))
}

fn parameters(query: &str, pairs: &mut Pairs) -> Result<()> {
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let (key, value) = parameter
            .split_once('=')
            .ok_or_else(|| unreadable("a parameter behind `?` has no `=`"))?;
        match (decoded(key)?, decoded(value)?) {
            (key, value) if key == "ssl" && value == "true" => {
                pairs.push(("sslmode".into(), "require".into()));
            }
            // half a password, perhaps: nothing of it is named
            (key, _) if query.contains('@') && !is_known(&key) => {
                return Err(unreadable("there is a `@` behind the hosts"));
            }
            pair => pairs.push(pair),
        }
    }
    Ok(())
}

/// Without percent signs.
fn decoded(text: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digit = |at: usize| behind.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        let (Some(high), Some(low)) = (digit(0), digit(1)) else {
            return Err(unreadable("a `%` is not followed by two hexadecimal digits"));
        };
        bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
        rest = &behind[2..];
    }
    let text = String::from_utf8(bytes).map_err(|_| unreadable("it is not UTF-8"))?;
    if text.contains('\0') { Err(unreadable("it contains `%00`")) } else { Ok(text) }
}

/// `key=value key='a value'`, with `\` in front of what stands for itself.
fn words(text: &str) -> Result<Pairs> {
    let (mut pairs, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        let Some((key, behind)) = rest.split_once('=') else {
            return Err(unreadable("a word has no `=`"));
        };
        let key = key.trim();
        if key.is_empty() || key.contains(char::is_whitespace) {
            return Err(unreadable("a word has no `=`"));
        }
        let (value, behind) = value(behind.trim_start())?;
        pairs.push((key.to_owned(), value));
        rest = behind.trim_start();
    }
    Ok(pairs)
}

/// A value, and what is behind it.
fn value(text: &str) -> Result<(String, &str)> {
    let quoted = text.starts_with('\'');
    let mut value = String::new();
    let mut chars = text.char_indices();
    if quoted {
        chars.next();
    }
    while let Some((at, found)) = chars.next() {
        match found {
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            '\'' if quoted => return Ok((value, &text[at + 1..])),
            space if !quoted && space.is_whitespace() => return Ok((value, &text[at..])),
            other => value.push(other),
        }
    }
    if quoted { Err(unreadable("a quoted value has no end")) } else { Ok((value, "")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        let expected = expected.iter().map(|(key, value)| (String::from(*key), (*value).into()));
        assert_eq!(pairs(text).unwrap(), expected.collect::<Vec<_>>(), "{text}");
    }

    #[test]
    fn urls() {
        check("postgres://", &[]);
        check("postgresql://h", &[("host", "h")]);
        check("postgres:///d", &[("dbname", "d")]);
        check(
            "postgres://u:p@h:6543/d?sslmode=require&options=-c%20search_path%3Dx",
            &[
                ("user", "u"),
                ("password", "p"),
                ("host", "h"),
                ("port", "6543"),
                ("dbname", "d"),
                ("sslmode", "require"),
                ("options", "-c search_path=x"),
            ],
        );
        check(
            "postgres://u@a:1,b,[::1]:3/d",
            &[("user", "u"), ("host", "a,b,::1"), ("port", "1,,3"), ("dbname", "d")],
        );
        check("postgres://%2Frun%2Fpg?ssl=true", &[("host", "/run/pg"), ("sslmode", "require")]);
        check(
            "postgres://h/d?user=me@server",
            &[("host", "h"), ("dbname", "d"), ("user", "me@server")],
        );
        check(
            "postgres://u:a%40b%2F%23%25c#:@h",
            &[("user", "u"), ("password", "a@b/#%c#:"), ("host", "h")],
        );
    }

    #[test]
    fn words_and_quotes() {
        check("", &[]);
        check(
            r"host=h  user = 'a \'b' password=x\ y",
            &[("host", "h"), ("user", "a 'b"), ("password", "x y")],
        );
        check("password='' host=h", &[("password", ""), ("host", "h")]);
    }

    #[test]
    fn a_password_that_is_not_encoded_is_never_repeated() {
        for password in [
            "s3@cret",
            "s3/cret",
            "s3?cret",
            "s3%cret",
            "s3@/cret",
            "s3:/cret",
            "s3?cret=",
            "5/cret",
            "5?cret",
            "5?cret=",
            "s3,cret/",
            "x@s3?cret=",
            "s3 cret/",
        ] {
            let error = pairs(&format!("postgres://u:{password}@h/d")).unwrap_err().to_string();
            assert!(!error.contains("s3") && !error.contains("cret"), "{password}: {error}");
            assert!(error.contains("percent-encoded"), "{error}");
        }
        for text in ["host=h password=s3 cret", "password='s3 cret", "mysql://u:s3cret@h"] {
            let error = pairs(text).unwrap_err().to_string();
            assert!(!error.contains("s3") && !error.contains("cret"), "{text}: {error}");
        }
    }
}
