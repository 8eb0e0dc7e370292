//! What strings, files and variables come to.

use super::*;

/// Reads a string in an environment.
fn read(text: &str, environment: &[(&str, &str)]) -> Result<ConnectSettings> {
    read_at(text, environment, None)
}

fn read_at(
    text: &str,
    environment: &[(&str, &str)],
    home: Option<PathBuf>,
) -> Result<ConnectSettings> {
    let variable = |name: &str| {
        let found = environment.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    ConnectSettings::read_in(text, &KeySources { variable: &variable, home })
}

fn server(host: &str, port: u16) -> Server {
    Server { host: host.into(), address: None, port }
}

#[track_caller]
fn refused(text: &str, environment: &[(&str, &str)], words: &str) {
    let error = read(text, environment).unwrap_err().to_string();
    assert!(error.contains(words), "{text}: {error}");
}

#[test]
fn the_string_wins_over_the_environment() {
    let environment = [
        ("PGHOST", "other"),
        ("PGPORT", "1"),
        ("PGUSER", "someone"),
        ("PGPASSWORD", "secret"),
        ("PGDATABASE", "else"),
        ("PGSSLMODE", "disable"),
        ("PGAPPNAME", "billing"),
        ("PGOPTIONS", "-c work_mem=1MB"),
        ("PGCONNECT_TIMEOUT", "3"),
        ("PGTARGETSESSIONATTRS", "primary"),
        ("PGCHANNELBINDING", "require"),
    ];
    let of_environment = read("", &environment).unwrap();
    assert_eq!(of_environment.servers, [server("other", 1)]);
    assert_eq!(of_environment.config.get_user(), Some("someone"));
    assert_eq!(of_environment.config.get_password(), Some(&b"secret"[..]));
    assert_eq!(of_environment.config.get_dbname(), Some("else"));
    assert_eq!(of_environment.config.get_application_name(), Some("billing"));
    assert_eq!(of_environment.config.get_options(), Some("-c work_mem=1MB"));
    assert_eq!(of_environment.config.get_channel_binding(), ChannelBinding::Require);
    assert_eq!(of_environment.timeout, Duration::from_secs(3));
    assert_eq!(
        (of_environment.mode, of_environment.wanted),
        (TlsMode::Disable, WantedServer::Primary)
    );

    let text = "postgres://u:p@h:2/d?sslmode=require&target_session_attrs=any&application_name=a";
    let of_string = read(text, &environment).unwrap();
    assert_eq!(of_string.servers, [server("h", 2)]);
    assert_eq!(of_string.config.get_user(), Some("u"));
    assert_eq!(of_string.config.get_password(), Some(&b"p"[..]));
    assert_eq!(of_string.config.get_dbname(), Some("d"));
    assert_eq!(of_string.config.get_application_name(), Some("a"));
    assert_eq!((of_string.mode, of_string.wanted), (TlsMode::Require, WantedServer::Any));
}

#[test]
fn several_hosts() {
    let servers = |text| read(text, &[]).unwrap().servers;
    assert_eq!(servers("postgres://a:1,b:2/d"), [server("a", 1), server("b", 2)]);
    assert_eq!(servers("host=a,b port=7"), [server("a", 7), server("b", 7)]);
    assert_eq!(servers("postgres://a,b:2"), [server("a", 5432), server("b", 2)]);
    let address = Some("127.0.0.1".parse().unwrap());
    let known = Server { host: "a".into(), address, port: 5432 };
    assert_eq!(servers("host=a hostaddr=127.0.0.1"), [known]);
    refused("host=a,b,c port=1,2", &[], "3 hosts, 0 addresses (`hostaddr`) and 2 ports");
}

#[test]
fn trust_as_in_libpq() {
    let trust = |text| {
        let settings = read_at(text, &[], Some("/home/u".into())).unwrap();
        (settings.mode, settings.roots)
    };
    let default = Roots::File("/home/u/.postgresql/root.crt".into());
    assert_eq!(trust("host=h"), (TlsMode::Prefer, default.clone()));
    assert_eq!(trust("host=h sslmode=verify-ca"), (TlsMode::VerifyCa, default));
    let file = Roots::File("/ca.pem".into());
    assert_eq!(trust("host=h sslmode=require sslrootcert=/ca.pem"), (TlsMode::Require, file));
    assert_eq!(trust("host=h sslrootcert=system"), (TlsMode::VerifyFull, Roots::System));
    refused("sslrootcert=system sslmode=require", &[], "needs `sslmode=verify-full`");
    refused("sslnegotiation=direct", &[], "needs `sslmode=require`");
    refused("sslmode=sometimes", &[], "disable, allow, prefer, require, verify-ca, verify-full");
}

#[test]
fn times_have_the_units_of_libpq() {
    let config = read("host=h tcp_user_timeout=1500 keepalives_idle=7", &[]).unwrap().config;
    assert_eq!(config.get_tcp_user_timeout(), Some(&Duration::from_millis(1500)));
    assert_eq!(config.get_keepalives_idle(), Duration::from_secs(7));
    let default = read("host=h", &[]).unwrap();
    assert_eq!(default.config.get_tcp_user_timeout(), Some(&SILENCE));
    assert_eq!(default.config.get_keepalives_idle(), SILENCE);
    assert_eq!(default.timeout, CONNECT_TIMEOUT);
}

#[test]
fn what_is_not_known_is_refused() {
    refused("host=h sslmood=require", &[], "there is no connection setting `sslmood`");
    refused("host=h gssencmode=require", &[], "`gssencmode` is not supported");
    refused("host=h connect_timeout=soon", &[], "`connect_timeout` is not a whole number");
    refused("host=h password=a\0b", &[], "it contains a NUL character");
    refused("postgres://u:a\0b@h/d", &[], "it contains a NUL character");
    read("host=h gssencmode=disable client_encoding=UTF8", &[]).unwrap();
}

#[cfg(unix)]
#[test]
fn passwords_and_services_from_files() {
    use std::os::unix::fs::PermissionsExt;
    let home = std::env::temp_dir().join(format!("flows-home-{}", std::process::id()));
    std::fs::create_dir_all(&home).unwrap();
    let pass = home.join(".pgpass");
    std::fs::write(&pass, "a:1:d:u:of a\n*:*:*:*:of all\n").unwrap();
    std::fs::set_permissions(&pass, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(home.join(".pg_service.conf"), "[x]\nservice=y\n[y]\nhost=a\nport=1\nuser=u\n")
        .unwrap();
    let password = |text, environment: &[(&str, &str)]| {
        let settings = read_at(text, environment, Some(home.clone())).unwrap();
        let config = settings.config_for(&settings.servers[0]);
        config.get_password().map(|password| String::from_utf8_lossy(password).into_owned())
    };
    assert_eq!(password("host=a port=1 user=u dbname=d", &[]).as_deref(), Some("of a"));
    assert_eq!(password("host=a port=2 user=u", &[]).as_deref(), Some("of all"));
    assert_eq!(password("host=a user=u password=own", &[]).as_deref(), Some("own"));
    assert_eq!(password("host=a user=u", &[("PGPASSWORD", "v")]).as_deref(), Some("v"));
    assert_eq!(password("dbname=d", &[("PGSERVICE", "y")]).as_deref(), Some("of a"));
    let nested = read_at("dbname=d", &[("PGSERVICE", "x")], Some(home.clone())).unwrap_err();
    assert!(nested.message().contains("line 2: a service cannot name another"), "{nested}");
    let other = [("PGPASSFILE", "/nowhere")];
    assert_eq!(password("host=a user=u", &other), None);
    std::fs::remove_dir_all(&home).unwrap();
}
